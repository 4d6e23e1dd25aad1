// @ts-check
// The list of History, which the server draws: a button of a row tells the server what it does and
// to which run; keys go to the search and from run to run.

import { isChord, onKeys } from "./page.js";
import { copyLink } from "./run.js";
import { speak } from "./spoken.js";

const COMES_MS = 5000;
const LOOKS_MS = 50;
/** What a button does once it was pressed. @type {Record<string, string>} */
const UNDOES = { pin: "unpin", unpin: "pin" };

/** A button of a run's row. @param {string} run @param {string} [act] any without */
const buttonOf = (run, act) =>
  /** @type {HTMLElement | null} */ (document.querySelector(`#history-list button${act ? `[data-act="${act}"]` : ""}[data-run="${run}"]`));

/** Focuses the field to name a run in, which comes from the server after a while; afterwards the run's button. @param {string} run */
const focusField = (run, until = performance.now() + COMES_MS) => {
  /** @type {HTMLElement | null} */
  const field = document.querySelector("#history-title :is(input, textarea)");
  if (field?.offsetParent) {
    field.focus();
    field.onkeydown = ({ key }) => { if (key === "Escape") /** @type {HTMLElement} */ (document.querySelector("#history-cancel")).click(); };
    goBack(run, field);
  } else if (performance.now() < until) setTimeout(focusField, LOOKS_MS, run, until);
};

/** @param {string} run @param {HTMLElement} field */
const goBack = (run, field) => {
  if (field.offsetParent) setTimeout(goBack, LOOKS_MS, run, field);
  else if (document.activeElement === document.body) buttonOf(run, "name")?.focus();
};

/** @param {HTMLElement} button @param {string} run */
const share = async (button, run) => {
  const { address, copied } = await copyLink(run);
  if (copied) {
    button.textContent = "Copied";
    button.setAttribute("aria-label", `Copied: the link to run ${run}`);
    speak("The link is copied.");
  } else window.prompt("The link to this run, to read:", address);
};

/** Returns whether a key was the list's. @param {Element} list @param {KeyboardEvent} event */
const press = (list, event) => {
  /** @type {HTMLElement | null} */
  const search = document.querySelector("#history-search :is(input, textarea)");
  const field = event.target instanceof Element && event.target.closest("input, textarea, select");
  const links = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("h2 a")]);
  const at = links.findIndex((link) => link.closest("li")?.contains(document.activeElement));
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const to = event.key === "/" && !field ? search : by && (!field || field === search) ? links[at + by] ?? (at < 0 && links[0]) : null;
  if (!to || isChord(event)) return false;
  to.focus();
  return true;
};

/** @param {Host} host */
export const mount = ({ element, trigger, watch }) => {
  /** @type {{ act: string, run: string } | null} */
  let pressed = null;
  element.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("button[data-act]");
    if (!(button instanceof HTMLElement)) return;
    const { act = "", run = "" } = button.dataset;
    if (act === "link") { share(button, run); return; }
    if (act === "name") focusField(run);
    else pressed = { act, run };
    trigger("click", { act, run });
  });
  // The list is drawn anew after each press: the focus stays on the same button, or on the way back.
  watch("value", () => {
    if (!pressed) return;
    const { act, run } = pressed;
    pressed = null;
    setTimeout(() => {
      /** @type {HTMLElement | null} */
      const undo = document.querySelector("#history-notice button[data-act]");
      (buttonOf(run, act) ?? buttonOf(run, UNDOES[act] ?? act) ?? buttonOf(run) ?? undo)?.focus();
    }, LOOKS_MS);
  });
  if (element.closest("#history-list")) onKeys(element, (event) => { if (press(element, event)) event.preventDefault(); });
};
