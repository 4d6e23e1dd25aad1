// @ts-check
// The address of a run. One that the person has just asked for is a new step of the browser's
// history, so that Back leads to the run before; one that is only shown again replaces the address.

const RUN = "run";

export class RunAddress {
  /** @param {{ isConnected: () => boolean, shown: () => number | null, onEmpty: () => void }} page */
  constructor(page) {
    this.startedHere = false; // by the button or by Enter, since the last run came
    const started = () => { this.startedHere = true; };
    const within = (/** @type {Event} */ event, /** @type {string} */ where) =>
      event.target instanceof Element && event.target.closest(where);
    document.addEventListener("click", (event) => { if (within(event, "#run")) started(); }, true);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && within(event, "#prompt")) started();
    }, true);
    // The page is loaded again with the run of that address, so that the form has its prompt too.
    const onBack = () => {
      if (!page.isConnected()) return window.removeEventListener("popstate", onBack);
      const run = new URL(location.href).searchParams.get(RUN);
      if (run === String(page.shown() ?? "")) return;
      if (run) location.reload();
      else page.onEmpty();
    };
    window.addEventListener("popstate", onBack);
  }

  /** @param {number} run */
  goTo(run) {
    const url = new URL(location.href);
    url.searchParams.set(RUN, String(run));
    if (this.startedHere && url.href !== location.href) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
    this.startedHere = false;
  }
}
