// @ts-check
// The board: rounds or candidates side by side, and the comparison of any two of them. State comes
// from the server as plain values (services/board.py); these modules only draw and ask.

import { Foot } from "./board_bar.js";
import { Grid } from "./board_grid.js";
import { Head } from "./board_head.js";
import { actionOf } from "./board_keys.js";
import { Composer } from "./composer.js";
import { html, render } from "./html.js";
import { addressTo, isChord, onKeys, typing } from "./page.js";
import { Quiet } from "./quiet.js";
import { call } from "./requests.js";
import { RunAddress } from "./run_address.js";
import { cellOf, endInWords, finished, keyOf } from "./run.js";
import { speak } from "./spoken.js";

/** @returns {OfOneRun} */
const nothing = () => ({ chosen: [], picked: null, offer: null, notice: null, sendable: [], counted: null, wholePrompt: false });

export class Board {
  /** A run opened by a link that is for reading: no pair, no vote, no new question. */
  readOnly = new URL(location.href).searchParams.has("read");
  /** @type {Run | null} */
  shown = null;
  now = nothing();
  showChanges = false;
  busy = false;
  /** Thoughts a person opened and closed again, by run and place. @type {Set<string>} */
  folded = new Set();
  /** The run that Back has left for the empty form: its stream may still go on. @type {number | null} */
  wentBackFrom = null;
  quiet = new Quiet(() => {
    this.draw();
    if (this.quiet.isSeen) speak(this.quiet.words);
  });

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.frame = /** @type {HTMLElement} */ (root.closest(".contain > *"));
    this.composer = new Composer(this.frame, () => this.shown !== null);
    this.address = new RunAddress({
      isConnected: () => root.isConnected,
      shown: () => this.shown?.run_id ?? null,
      onEmpty: () => this.leave(),
    });
  }

  /** The run that is shown; parts are drawn only while there is one. @returns {Run} */
  get run() { return /** @type {Run} */ (this.shown); }

  /** The two cells that are compared, in the order of the screen. */
  get pair() {
    const { offer } = this.now;
    const [left, right] = offer ? [offer.left, offer.right].map((id) => cellOf(this.run, id)) : [];
    return left && right ? { left, right } : null;
  }

  /** @param {Cell} cell */
  isComparable(cell) { return !this.readOnly && cell.round_id !== null && finished(this.run).length > 1; }

  /** @param {Cell} cell */
  isFolded(cell) { return this.folded.has(keyOf(this.run, cell)); }

  draw() {
    this.root.hidden = !this.shown;
    this.frame.classList.toggle("comparing", Boolean(this.shown && this.pair));
    if (!this.shown) return;
    const hadFocus = this.root.contains(document.activeElement);
    render(html`
      <div class="board-head"><${Head} board=${this} /></div>
      <${Grid} board=${this} />
      <div class=${`board-bar${this.quiet.isSeen ? " early" : ""}`} role="region" aria-label="Comparison" ref=${this.measure}>
        <${Foot} board=${this} />
      </div>`, this.root);
    if (hadFocus && !this.root.contains(document.activeElement)) this.focus(".votes", ".bar-title", ".board-prompt");
  }

  /** What had the focus may be gone: the first of these parts that is there has it. @param {string[]} parts */
  focus(...parts) {
    const found = parts.map((part) => this.root.querySelector(part)).find(Boolean);
    if (found instanceof HTMLElement) found.focus({ preventScroll: true });
  }

  sizes = new ResizeObserver(([{ target }]) =>
    this.frame.style.setProperty("--under-bar", `${Math.ceil(target.getBoundingClientRect().height)}px`));

  /** Keeps the page's end above the bar, whose height changes. @param {HTMLElement | null} foot */
  measure = (foot) => {
    this.sizes.disconnect();
    if (foot) this.sizes.observe(foot);
  };

  /** Changes what is drawn. @param {Partial<Board>} to */
  set(to) {
    Object.assign(this, to);
    this.draw();
  }

  /** @param {string} text */
  say(text, bad = false) {
    this.now.notice = { text, bad };
    this.draw();
    if (!bad) speak(text); // what is bad is an alert
  }

  /** Does one thing at a time, and says what went wrong. @param {() => Promise<void>} work */
  async attempt(work) {
    if (this.busy) return;
    this.busy = true;
    try { await work(); } catch (error) { this.say(/** @type {Error} */ (error).message, true); } finally { this.busy = false; }
  }

  async refresh() {
    const { run_id: id } = this.run;
    const fresh = await call("GET", `/runs/${id}`);
    if (this.shown?.run_id === id) this.take(fresh);
  }

  /** State from the server. @param {Run | null} value */
  take(value) {
    if (value && value.run_id === this.wentBackFrom) return;
    const before = this.shown;
    const isNew = Boolean(value?.run_id && before?.run_id !== value.run_id);
    const isAsked = isNew && (before !== null || !this.composer.isFolded);
    if (value && isNew) {
      this.composer.foldFor(value.run_id, isAsked);
      this.now = nothing();
      this.address.goTo(value.run_id);
    }
    this.shown = value?.run_id ? value : null;
    const open = this.shown?.comparisons.find((one) => one.outcome === null);
    if (open && !this.now.offer && !this.readOnly) this.compare(open); // open when the page was loaded again, it is open still
    this.draw();
    if (isAsked) this.begin();
    if (this.shown && (isAsked || before?.state === "running") && this.shown.state !== "running") speak(endInWords(this.shown));
  }

  /** The answer to what was just asked begins: the form, which had the focus, is folded. */
  begin() {
    speak("Generating…");
    const has = /** @type {HTMLElement | null} */ (document.activeElement);
    if (!has?.offsetParent) this.focus(".board-prompt");
  }

  /** @param {{ key: string, left: number, right: number }} pair */
  compare({ key, left, right }) {
    Object.assign(this.now, { offer: { key, left, right }, chosen: [left, right] });
    this.quiet.begin();
  }

  /** Back to the empty form. */
  leave() {
    this.wentBackFrom = this.shown?.run_id ?? null;
    this.take(null);
    this.composer.askNew();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.shown || event.repeat || isChord(event) || typing(event.target)) return;
    if (event.key.toLowerCase() === "h" && !this.now.offer) return location.assign(addressTo("history"));
    const action = actionOf(this, event);
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** @param {Host<Run>} host */
export const mount = ({ element, props, watch }) => {
  const board = new Board(/** @type {HTMLElement} */ (element.querySelector(".board")));
  onKeys(board.root, (event) => board.onKey(event));
  watch("value", () => board.take(props.value));
  board.take(props.value);
};
