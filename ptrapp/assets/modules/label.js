// @ts-check
// The Label page: one comparison a screen, one key an answer. Its desk opens with the first pair;
// without a campaign the page's list stays, which the server draws.

import { Desk } from "./label/desk.js";
import { Outbox } from "./label/outbox.js";
import { scrollPair } from "./label/pair.js";
import { capture } from "./label/panels.js";
import { enter } from "./label/start.js";
import { isChord, onKeys, typing } from "./page.js";
import { freshId } from "./requests.js";
import { storage } from "./storage.js";

/**
 * A tab's name is stored only while no page has it open: a duplicated tab, which gets a copy of the
 * storage, finds none and takes a new one, so that two tabs are never offered the same pair.
 */
const tabName = () => {
  const store = storage("label", () => sessionStorage);
  const name = store.read("tab") ?? freshId();
  store.drop("tab");
  window.addEventListener("pagehide", () => store.write("tab", name));
  window.addEventListener("pageshow", (event) => { if (event.persisted) store.drop("tab"); });
  return name;
};

/** Returns whether a key was the desk's. @param {Desk} desk @param {KeyboardEvent} event */
const press = (desk, event) => {
  if (isChord(event)) return false;
  if (capture(desk, event)) return true;
  if (typing(event.target)) return false;
  if (event.key === "Escape" && desk.panel) { desk.show(null); return true; }
  const button = event.target instanceof Element && event.target.closest("button, a, summary");
  if (event.key === "Enter" && desk.feedback && !button) { desk.goOn(); return true; }
  if (event.key === "Enter") return event.repeat; // a held key presses a button once
  const meaning = desk.keys.meaning(event);
  if (!meaning) return scrollPair(desk.root, event);
  if (!event.repeat) desk.act(meaning.action, meaning.strength);
  return true; // a held arrow key neither answers twice nor scrolls
};

/** On the list what waits is sent too, and nobody hears of it. */
const NOBODY = { onAnswer: () => {}, onRefusal: () => {}, onChange: () => {} };

/** @param {Host} host */
export const mount = ({ element }) => {
  const root = /** @type {HTMLElement} */ (element.querySelector(".label"));
  const tab = tabName();
  /** @type {Desk | null} */
  let desk = null;
  onKeys(root, (event) => { if (desk && press(desk, event)) event.preventDefault(); });
  const focusHere = () => { if (!document.hasFocus()) window.focus(); }; // inside a frame keys are dead before
  root.addEventListener("pointerenter", focusHere);
  focusHere();
  const open = (/** @type {Parameters<Parameters<typeof enter>[1]>} */ ...given) => { desk = new Desk(root, tab, ...given); };
  enter(root, open, (me) => { new Outbox(NOBODY, me.uid).flush(); });
};
