// @ts-check
// The page a module stands on: where it is, and whether somebody is writing in it.

/** Whether keys go into a field, so that those of the page sleep. @param {EventTarget | null} target */
export const typing = (target) =>
  target instanceof Element &&
  Boolean(target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]"));

/** An address of the app, wherever a proxy put it. @param {string} path */
export const addressTo = (path) => new URL(path, document.baseURI);

/** Whether a key belongs to the browser. @param {KeyboardEvent} event */
export const isChord = ({ ctrlKey, metaKey, altKey }) => ctrlKey || metaKey || altKey;

/**
 * Has somebody hear the page's keys for as long as a part of it is there.
 * @param {Element} part @param {(event: KeyboardEvent) => void} hear
 * @param {boolean} [first] before whatever else hears them
 */
export const onKeys = (part, hear, first = false) => {
  const heard = (/** @type {KeyboardEvent} */ event) => {
    if (part.isConnected) hear(event);
    else document.removeEventListener("keydown", heard, first);
  };
  document.addEventListener("keydown", heard, first);
};
