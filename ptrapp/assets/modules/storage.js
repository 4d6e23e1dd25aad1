// @ts-check
// Values kept in this browser between visits, or in this tab between reloads. Where a browser keeps
// nothing they live as long as the page. Another app of the same host has its own.

/**
 * @param {string} part of the app that they belong to
 * @param {() => Storage} [area] reached anew each time, because a browser may refuse it
 */
export const storage = (part, area = () => localStorage) => {
  const prefix = `thrice.${part}.${new URL(".", document.baseURI).pathname.slice(1)}`;
  const memory = new Map();
  const reach = (/** @type {(store: Storage) => any} */ work, /** @type {any} */ otherwise = null) => {
    try { return work(area()); } catch { return otherwise; }
  };
  return {
    read: (/** @type {string} */ name) =>
      memory.has(name) ? memory.get(name) : reach((store) => JSON.parse(store.getItem(prefix + name) ?? "null")),
    write: (/** @type {string} */ name, /** @type {unknown} */ value) => {
      memory.delete(name);
      if (reach((store) => store.setItem(prefix + name, JSON.stringify(value)), "full")) memory.set(name, value);
    },
    drop: (/** @type {string} */ name) => {
      memory.delete(name);
      reach((store) => store.removeItem(prefix + name));
    },
    /** Names that begin so. @returns {string[]} */
    names: (/** @type {string} */ start) =>
      reach((store) => Object.keys(store), [])
        .filter((/** @type {string} */ name) => name.startsWith(prefix + start))
        .map((/** @type {string} */ name) => name.slice(prefix.length)),
  };
};
