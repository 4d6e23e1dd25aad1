// @ts-check
// The page a module stands on: where it is, and whether somebody is writing in it.

/** Whether keys go into a field, so that those of the page sleep. @param {EventTarget | null} target */
export const typing = (target) =>
  target instanceof Element &&
  Boolean(target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]"));

/** An address of the app, wherever a proxy put it. @param {string} path */
export const addressTo = (path) => new URL(path, document.baseURI);
