// @ts-check
// The list of History, which the server draws: a button of a row tells the server what it does and
// to which run; keys go to the search and from run to run.

import { isChord, onKeys } from "./page.js";
import { copyLink } from "./run.js";

const COMES_MS = 5000;
const LOOKS_MS = 50;

/** Focuses the field to name a run in, which comes from the server after a while. */
const focusField = (until = performance.now() + COMES_MS) => {
  /** @type {HTMLElement | null} */
  const field = document.querySelector("#history-title :is(input, textarea)");
  if (field?.offsetParent) field.focus();
  else if (performance.now() < until) setTimeout(focusField, LOOKS_MS, until);
};

/** @param {HTMLElement} button @param {string} run */
const share = async (button, run) => {
  const { address, copied } = await copyLink(run);
  if (copied) button.textContent = "Copied";
  else window.prompt("The link to this run, to read:", address);
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
  let pressed = "";
  element.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("button[data-act]");
    if (!(button instanceof HTMLElement)) return;
    const { act = "", run = "" } = button.dataset;
    if (act === "link") { share(button, run); return; }
    if (act === "name") focusField();
    else pressed = `button[data-act="${act}"][data-run="${run}"]`;
    trigger("click", { act, run });
  });
  // The list is drawn anew after each press: the focus stays on the same button, or on the way back.
  watch("value", () => {
    if (!pressed) return;
    const [again, undo] = [pressed, "#history-notice button[data-act]"];
    pressed = "";
    setTimeout(() => {
      const button = element.querySelector(again) ?? document.querySelector(undo);
      if (button instanceof HTMLElement) button.focus();
    }, LOOKS_MS);
  });
  if (element.closest("#history-list")) onKeys(element, (event) => { if (press(element, event)) event.preventDefault(); });
};
