// @ts-check
// The panel beside the pair: the keys, the guidelines, or what the last pair was.

import { html } from "../html.js";
import { ACTIONS } from "./keys.js";
import { Rendered } from "../rendered.js";

const LONG = 200; // characters of the last prompt that are shown
const TITLES = { help: "Help", guidelines: "Guidelines", reveal: "The last pair" };
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"];

/** Whether a key is the new one that is awaited, and nothing else. @param {Desk} desk @param {KeyboardEvent} event */
export const capture = (desk, event) => {
  const asked = desk.panel?.asked;
  if (!asked || event.repeat) return false;
  if (MODIFIERS.includes(event.key)) return true;
  const problem = event.key === "Escape" ? null : desk.keys.bind(asked, event);
  desk.show({ name: "help", problem, asked: problem ? asked : undefined });
  return true;
};

/** Whether the open panel stands on the pair, which nobody can read then. @param {HTMLElement} root */
export const coversPair = (root) => {
  const [panel, pair] = [".label-panel", ".label-pair"].map((part) => root.querySelector(part)?.getBoundingClientRect());
  return Boolean(panel && pair && panel.left < pair.right && panel.right > pair.left && panel.top < pair.bottom && panel.bottom > pair.top);
};

const Help = (/** @type {{ desk: Desk, open: OpenPanel }} */ { desk, open: { asked, problem } }) => html`
  <p>One key answers and shows the next pair. To change a key, press its button here.</p>
  <p class="label-problem" role="alert">${problem}</p>
  <ul class="label-keys">
    ${Object.entries(ACTIONS).map(([action, [, words]]) => html`
      <li>
        <button type="button" class="label-key" data-part=${`key-${action}`} aria-label=${asked === action ? `Press a key for: ${words}` : `${words}: ${desk.keys.sign(action)}. Change the key`}
          onClick=${() => desk.show({ name: "help", asked: action })}>${asked === action ? "press a key…" : desk.keys.sign(action)}</button>
        <span>${words}</span>
      </li>`)}
    <li><span class="label-key">1 … 5</span><span>1 A much better, 2 A better, 3 tie, 4 B better, 5 B much better, 0 both bad</span></li>
    <li><span class="label-key">Page ↓ ↑</span><span>Scroll both responses, and the prompt; Home and End: to their start and end</span></li>
  </ul>
  ${desk.keys.changed && html`
    <button type="button" class="btn s" data-part="keys-reset"
      onClick=${() => { desk.keys.reset(); desk.show({ name: "help" }); }}>Reset to the default keys</button>`}`;

const Guidelines = (/** @type {OfDesk} */ { desk }) => html`
  <${Rendered} name="label-text" markup=${desk.campaign.guidelines_html || "This campaign has no guidelines."} />`;

const Revealed = (/** @type {Told & { letter: string }} */ { letter, version, thought, correct }) => html`
  <h4>${letter}: ${version}${correct === null ? "" : correct ? " ✓ correct" : " ✗ incorrect"}</h4>
  <p class="label-thought" dir="auto">${thought || "(no thought)"}</p>`;

const LastPair = (/** @type {{ open: OpenPanel }} */ { open: { told } }) => told && html`
  <p class="faint">
    ${`Your last answer: ${told.words}. `}<q>${told.prompt.length > LONG ? `${told.prompt.slice(0, LONG)}…` : told.prompt}</q>
  </p>
  <${Revealed} letter="A" ...${told.left} /><${Revealed} letter="B" ...${told.right} />`;

const BODIES = { help: Help, guidelines: Guidelines, reveal: LastPair };

export const Panel = (/** @type {OfDesk} */ { desk }) => desk.panel && html`
  <aside class="label-panel" aria-label=${TITLES[desk.panel.name]} key=${desk.panel.name}>
    <header>
      <h3 tabindex="-1">${TITLES[desk.panel.name]}</h3>
      <button type="button" class="btn s" data-part="close-panel" onClick=${() => desk.show(null)}>
        Close<kbd class="kbd" aria-hidden="true">Esc</kbd>
      </button>
    </header>
    <div class="label-panel-body"><${BODIES[desk.panel.name]} desk=${desk} open=${desk.panel} /></div>
  </aside>`;
