// The pages of the bar, where each is, and which one this is.

const PAGES = {
  Play: ["./", "play"], History: ["history", "data"], Label: ["label", "label"], Campaigns: ["campaigns", "data"],
  Versions: ["versions", "versions"], Train: ["train", "train"], Data: ["data", "data"],
};
const addressOf = (name) => new URL(PAGES[name][0], document.baseURI).pathname;
const here = () => Object.keys(PAGES).find((name) => addressOf(name).replace(/\/$/, "") === location.pathname.replace(/\/$/, ""));

const KEPT = "thrice.bar"; // what the bar said last, so that the next page has it at once
const kept = () => { try { return JSON.parse(localStorage.getItem(KEPT)); } catch { return null; } };
const keep = (frame) => { try { localStorage.setItem(KEPT, JSON.stringify(frame)); } catch { /* the bar is a moment later then */ } };

const navOf = (names) => names.filter((name) => PAGES[name]).map((name) =>
  el("a", { href: addressOf(name), ...(name === here() ? { "aria-current": "page" } : {}) }, icon(PAGES[name][1]), name));
