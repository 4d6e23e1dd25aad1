// @ts-check
// Two dialogs of every page: "Go to", by Ctrl K or ⌘ K, and the list of keys, by "?".

import { html, render } from "./html.js";
import { addressOf, here } from "./pages.js";

/** @type {Record<string, [string, string][]>} */
const KEYS_OF = {
  Everywhere: [["Ctrl K, ⌘ K", "go to any page"], ["?", "this list"], ["Esc", "close"]],
  Play: [
    ["Enter", "send the prompt"], ["Shift Enter", "a new line in it"],
    ["1 – 8", "choose a round or candidate to compare; two make a pair"],
    ["D", "what changed between rounds"], ["R", "ask again"], ["L", "send the pairs to a campaign"],
    ["U", "undo the last vote on this run"], ["H", "history"], ["Esc", "stop a run, or leave a pair"],
  ],
  History: [["/", "search"], ["↑ ↓", "from run to run"], ["Enter", "open it"]],
  "A pair on Play": [
    ["← →", "the better one; with Shift: much better"], ["↓", "a tie"], ["X", "both are bad"],
    ["J", "ask the judge"],
  ],
};

/** A dialog of the browser's own, which draws what it shows each time it is opened. */
class Dialog {
  /** @param {string} part @param {string} title */
  constructor(part, title) {
    this.title = title;
    this.node = document.createElement("dialog");
    this.node.className = "bar-dialog";
    this.node.dataset.part = part;
    this.node.setAttribute("aria-label", title);
    this.node.addEventListener("click", ({ target }) => { if (target === this.node) this.close(); });
    this.node.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys sleep
  }

  get isOpen() { return this.node.open; }

  close() { this.node.close(); }

  /** @param {unknown} content */
  show(content) {
    // The title has the focus at first: a button further down would be scrolled to.
    render(html`<h2 tabindex="-1" autofocus>${this.title}</h2><div>${content}</div>`, this.node);
    if (!this.isOpen) this.node.showModal();
  }
}

export const keysDialog = new Dialog("keys", "Keys");

export const openKeys = () => {
  const page = here() ?? "–";
  const shown = Object.entries(KEYS_OF).filter(([of]) => of === "Everywhere" || of.includes(page));
  keysDialog.show(html`
    ${shown.map(([of, keys]) => html`
      <h3>${of}</h3>
      <dl>${keys.map(([key, what]) => html`<dt><kbd class="kbd">${key}</kbd></dt><dd>${what}</dd>`)}</dl>`)}
    <p>Keys sleep while a field has the focus. The Label page has keys of its own, and its own list.</p>
    <button type="button" class="btn s" onClick=${() => keysDialog.close()}>Close</button>`);
};

export const goDialog = new Dialog("go", "Go to");

/**
 * Returns where words lead, as name and address: pages of these names, or a run by its number.
 * @param {string} words @param {string[]} pages
 * @returns {[string, string][]}
 */
export const placesFor = (words, pages) => {
  const said = words.trim().toLowerCase();
  const run = /^(?:run )?(\d{1,15})$/.exec(said);
  if (run && pages.includes("Play")) return [[`Run ${run[1]}`, `${addressOf("Play")}?run=${run[1]}`]];
  const names = pages.flatMap((name) => (name === "Play" ? [name, "History"] : [name]));
  return names
    .filter((name) => name.toLowerCase().includes(said))
    .map((name) => [name, addressOf(name)]);
};

/** @param {string[]} pages those that the person's role may use */
export const openGo = (pages) => {
  const draw = (/** @type {string} */ words) => {
    const places = placesFor(words, pages);
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && places[0]) location.assign(places[0][1]);
    };
    const onInput = (/** @type {any} */ event) => draw(event.target.value);
    goDialog.show(html`
      <input type="text" aria-label="Where to" placeholder="A page, or the number of a run"
        autocomplete="off" value=${words} onInput=${onInput} onKeyDown=${onKey} />
      <ul>${places.map(([name, address]) => html`<li><a href=${address}>${name}</a></li>`)}</ul>`);
  };
  draw("");
  goDialog.node.querySelector("input")?.focus();
};
