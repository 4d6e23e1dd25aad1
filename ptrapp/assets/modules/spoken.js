// @ts-check
// What a screen reader is told of a page: one place for it, which is there before anything is said,
// since what comes into a page with its words is often not read.

const WAITS_MS = 60; // until the same words are a change, too

const place = document.createElement("p");
place.id = "spoken";
place.setAttribute("role", "status");
place.style.cssText = "position:fixed; width:1px; height:1px; margin:0; overflow:hidden; clip-path:inset(50%); white-space:nowrap";
document.body.append(place);
let timer = 0;
document.addEventListener("said", (event) => speak(/** @type {CustomEvent<string>} */ (event).detail)); // by a page's own event

/** @param {string} words */
export const speak = (words) => {
  clearTimeout(timer);
  place.textContent = "";
  timer = setTimeout(() => { place.textContent = words; }, WAITS_MS);
};
