// @ts-check
// The panel beside the pair: the keys, the guidelines, or what the last pair was.

import { html } from "../html.js";
import { ACTIONS } from "./keys.js";
import { Text } from "./pair.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {{ thought: string, version: string, correct: boolean | null }} Told */

const LONG = 200; // characters of the last prompt that are shown
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"];

export class Panels {
  /** @param {Desk} desk */
  constructor(desk) {
    this.desk = desk;
    /** @type {"help" | "guidelines" | "reveal" | null} */
    this.name = null;
    /** What the last pair was. @type {{ words: string, prompt: string, left: Told, right: Told } | null} */
    this.told = null;
    /** The action whose new key is awaited, and what stood against the last one. @type {string | null} */
    this.asked = null;
    /** @type {string | null} */
    this.problem = null;
  }

  /** @param {Panels["name"]} name */
  show(name, focus = true) {
    Object.assign(this, { name, asked: null, problem: null });
    if (name && focus) this.desk.focus(".label-panel h3");
    else this.desk.draw();
  }

  /** @param {"help" | "guidelines"} name */
  toggle(name) { this.show(this.name === name ? null : name); }

  /** @param {string} action */
  ask(action) {
    Object.assign(this, { asked: action, problem: null });
    this.desk.draw();
  }

  /** Whether a key is the new one that is awaited, and nothing else. @param {KeyboardEvent} event */
  captures(event) {
    if (!this.asked || event.repeat) return false;
    if (MODIFIERS.includes(event.key)) return true;
    this.problem = event.key === "Escape" ? null : this.desk.keys.bind(this.asked, event);
    if (!this.problem) this.asked = null;
    this.desk.draw();
    return true;
  }

  reset() {
    this.desk.keys.reset();
    this.problem = null;
    this.desk.draw();
  }
}

const TITLES = { help: "Help", guidelines: "Guidelines", reveal: "The last pair" };

export const Panel = (/** @type {{ desk: Desk }} */ { desk }) => {
  const { name, told } = desk.panels;
  if (!name) return null;
  return html`
    <aside class="label-panel" aria-label=${TITLES[name]} key=${name}>
      <header>
        <h3 tabindex="-1">${TITLES[name]}</h3>
        <button type="button" class="btn s" data-part="close-panel" onClick=${() => desk.panels.show(null)}>
          Close<kbd class="kbd" aria-hidden="true">Esc</kbd>
        </button>
      </header>
      <div class="label-panel-body">
        ${name === "help" && html`<${Help} desk=${desk} />`}
        ${name === "guidelines" && html`
          <${Text} markup=${desk.campaign.guidelines_html || "This campaign has no guidelines."} />`}
        ${name === "reveal" && told && html`
          <p class="faint">
            ${`Your last answer: ${told.words}. `}
            <q>${told.prompt.length > LONG ? `${told.prompt.slice(0, LONG)}…` : told.prompt}</q>
          </p>
          <${Revealed} letter="A" ...${told.left} /><${Revealed} letter="B" ...${told.right} />`}
      </div>
    </aside>`;
};

const Help = (/** @type {{ desk: Desk }} */ { desk: { keys, panels } }) => html`
  <p>One key answers and shows the next pair. To change a key, press its button here.</p>
  <p class="label-problem" role="alert">${panels.problem}</p>
  <ul class="label-keys">
    ${Object.entries(ACTIONS).map(([action, [, words]]) => html`
      <li>
        <button type="button" class="label-key" data-part=${`key-${action}`} onClick=${() => panels.ask(action)}
          aria-label=${`${words}: ${keys.sign(action)}. Change the key`}>
          ${panels.asked === action ? "press a key…" : keys.sign(action)}
        </button>
        <span>${words}</span>
      </li>`)}
    <li>
      <span class="label-key">1 … 5</span>
      <span>1 A much better, 2 A better, 3 tie, 4 B better, 5 B much better, 0 both bad</span>
    </li>
  </ul>
  ${keys.changed && html`
    <button type="button" class="btn s" data-part="keys-reset" onClick=${() => panels.reset()}>
      Reset to the default keys
    </button>`}`;

const Revealed = (/** @type {Told & { letter: string }} */ { letter, version, thought, correct }) => html`
  <h4>${letter}: ${version}${correct === null ? "" : correct ? " ✓ correct" : " ✗ incorrect"}</h4>
  <p class="label-thought" dir="auto">${thought || "(no thought)"}</p>`;
