// @ts-check
// The board: rounds or candidates side by side, and the comparison of any two of them. State comes
// from the server as plain values (services/board.py); these modules only draw and ask.

import { Foot } from "./board_bar.js";
import { Head } from "./board_head.js";
import { Arrow, Card, keyOf, Side, stepTo } from "./card.js";
import { Composer } from "./composer.js";
import { html, render } from "./html.js";
import { addressTo, typing } from "./page.js";
import { call } from "./requests.js";
import { RunAddress } from "./run_address.js";
import { cellOf, finished, marksSeen } from "./run.js";
import { openCampaigns, sendTo } from "./sending.js";

/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./run.js").Cell} Cell */
/** @typedef {"left" | "right" | "tie" | "both_bad"} Outcome */

const QUIET_MS = 350; // keys pressed before a pair could be read are not a decision
const REFUSED_MS = 300;
const RETRIES = 3;
const RETRY_MS = 500;
/** @type {Record<string, Outcome>} */
const DECISIONS = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", x: "both_bad" };

const pause = (/** @type {number} */ ms) => new Promise((resume) => setTimeout(resume, ms));
const randomKey = () => crypto.randomUUID?.() ?? `u${Date.now()}${Math.random()}`;

/** Runs of a chain have an arrow between two cards. @param {Cell[]} cells */
const columnsOf = (cells) => cells.map(() => "minmax(var(--card), 1fr)").join(" var(--arrow) ");

export class Board {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.frame = /** @type {HTMLElement} */ (root.closest(".contain > *"));
    /** A run opened by a link that is for reading: no pair, no vote, no new question. */
    this.readOnly = new URL(location.href).searchParams.has("read");
    /** @type {Run | null} */
    this.shown = null;
    this.showChanges = false;
    this.busy = false;
    /** Thoughts a person opened and closed again, by run and place. @type {Set<string>} */
    this.folded = new Set();
    /** The run that Back has left for the empty form: its stream may still go on. @type {number | null} */
    this.wentBackFrom = null;
    this.refusal = 0;
    this.forget();
    this.composer = new Composer(this.frame, () => this.shown !== null);
    this.address = new RunAddress({
      isConnected: () => root.isConnected,
      shown: () => this.shown?.run_id ?? null,
      onEmpty: () => this.leave(),
    });
  }

  /** What belongs to one run alone. */
  forget() {
    /** Round ids, in the order they were chosen. @type {number[]} */
    this.chosen = [];
    /** A pair that waits for a decision. @type {{ key: string, left: number, right: number, paintedAt: number } | null} */
    this.offer = null;
    /** @type {{ text: string, bad: boolean } | null} */
    this.notice = null;
    /** Open campaigns to choose from. @type {{ id: number, name: string }[]} */
    this.sendable = [];
    /** What the last vote counts towards. @type {any} */
    this.counted = null;
    this.wholePrompt = false;
  }

  /** The run that is shown; parts are drawn only while there is one. @returns {Run} */
  get run() { return /** @type {Run} */ (this.shown); }

  /** The two cells that are compared, in the order of the screen. */
  get pair() {
    const [left, right] = this.offer ? [this.offer.left, this.offer.right].map((id) => cellOf(this.run, id)) : [];
    return left && right ? { left, right } : null;
  }

  /** @param {Cell} cell */
  isComparable(cell) { return !this.readOnly && cell.round_id !== null && finished(this.run).length > 1; }

  /** @param {Cell} cell */
  isFolded(cell) { return this.folded.has(keyOf(this.run, cell)); }

  // ---- drawing

  draw() {
    this.root.hidden = !this.shown;
    this.frame.classList.toggle("comparing", Boolean(this.shown && this.pair));
    if (!this.shown) return;
    render(html`
      <div class="board-head"><${Head} board=${this} /></div>
      ${this.grid()}
      <div class="board-bar" role="region" aria-label="Comparison" ref=${this.measureFoot}>
        <${Foot} board=${this} />
      </div>`, this.root);
  }

  grid() {
    const { pair } = this;
    const { mode, cells } = this.run;
    if (pair) {
      return html`
        <section key="pair" class="board-grid pair" aria-label="Two responses">
          <${Side} letter="A" cell=${pair.left} /><${Side} letter="B" cell=${pair.right} />
        </section>`;
    }
    const chain = mode === "refine";
    return html`
      <section key=${this.run.run_id} class=${`board-grid ${chain ? "chain" : "candidates"}`}
        aria-label=${chain ? "Rounds" : "Candidates"} style=${`--chain: ${columnsOf(cells)}`}>
        ${cells.flatMap((cell, at) => {
          const key = keyOf(this.run, cell);
          const card = html`<${Card} key=${key} board=${this} cell=${cell} />`;
          return chain && at ? [html`<${Arrow} key=${`to ${key}`} step=${stepTo(cell)} />`, card] : [card];
        })}
      </section>`;
  }

  /** Keeps the page's end above the bar, whose height changes. */
  measureFoot = (/** @type {HTMLElement | null} */ foot) => {
    if (foot === this.foot) return;
    this.sizes?.disconnect();
    this.foot = foot;
    if (!foot) return;
    this.sizes = new ResizeObserver(() => this.frame.style.setProperty("--under-bar", `${Math.ceil(foot.getBoundingClientRect().height)}px`));
    this.sizes.observe(foot);
  };

  /** @param {string} text */
  say(text, bad = false) {
    this.notice = { text, bad };
    this.draw();
  }

  /** @param {string} part */
  focus(part) { /** @type {HTMLElement | null} */ (this.root.querySelector(part))?.focus(); }

  // ---- asking the server

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

  /** @param {Cell} cell */
  choose(cell) {
    return this.attempt(async () => {
      if (this.offer) await this.putAside();
      this.notice = null;
      const id = /** @type {number} */ (cell.round_id);
      this.chosen = this.chosen.includes(id) ? this.chosen.filter((one) => one !== id) : [...this.chosen, id].slice(-2);
      if (this.chosen.length === 2) await this.openPair();
      this.draw();
    });
  }

  async openPair() {
    const order = this.run.cells.map((cell) => cell.round_id);
    const pair = [...this.chosen].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const [left, right] = Math.random() < 0.5 ? pair : pair.reverse(); // sides by chance: A is no round
    const { key } = await call("POST", "/comparisons", { left, right });
    this.offer = { key, left, right, paintedAt: performance.now() };
    await this.refresh();
  }

  putBack() { return this.attempt(() => this.putAside()); }

  async putAside() {
    if (!this.offer) return;
    const { key } = this.offer;
    this.offer = null;
    this.chosen = [];
    await call("POST", "/comparisons/dismiss", { key });
    await this.refresh();
  }

  /** @param {Outcome} outcome */
  decide(outcome, strength = 1) {
    return this.attempt(async () => {
      if (!this.offer) return;
      const { key, paintedAt } = this.offer;
      const client = marksSeen(this.run) ? "board, marks seen" : "board";
      const decided_ms = Math.round(performance.now() - paintedAt);
      const { counts } = await this.sendVote({ key, outcome, strength, client, decided_ms });
      this.counted = counts;
      this.offer = null;
      this.chosen = [];
      this.notice = null;
      await this.refresh();
    });
  }

  /** The same key is stored once, so that sending again is safe. @param {object} decision */
  async sendVote(decision) {
    for (let retry = 0; ; retry++) {
      try {
        return await call("POST", "/votes", decision);
      } catch (error) {
        const silent = /** @type {Error} */ (error).message.startsWith("The server does not answer");
        if (retry === RETRIES || !silent) throw error;
        await pause(RETRY_MS * 2 ** retry);
      }
    }
  }

  undo() {
    return this.attempt(async () => {
      const { undone } = await call("POST", "/votes/undo", { key: randomKey() });
      this.counted = null;
      this.say(undone === null ? "There is no vote to undo." : "Your last vote is undone.");
      await this.refresh();
    });
  }

  letJudge() {
    return this.attempt(async () => {
      if (!this.offer) return;
      const { left, right } = this.offer;
      await call("POST", "/comparisons/judge", { left, right });
      this.notice = null;
      await this.putAside(); // what it said stands in the bar, with the board
    });
  }

  /** @param {Cell} cell */
  toggleThought(cell) {
    const key = keyOf(this.run, cell);
    if (cell.thought === null) return this.openThought(cell);
    if (!this.folded.delete(key)) this.folded.add(key);
    this.draw();
  }

  /** @param {Cell} cell */
  openThought(cell) {
    return this.attempt(async () => {
      const { run_id: run } = this.run;
      const { round_id: id, index, candidate } = cell;
      if (id) await call("POST", `/rounds/${id}/thought`);
      else await call("POST", `/runs/${run}/watch`, { index, candidate });
      this.notice = null;
      this.folded.delete(keyOf(this.run, cell));
      await this.refresh();
    });
  }

  /** A single open campaign is used at once; of several the person chooses one. */
  send() {
    return this.attempt(async () => {
      const campaigns = await openCampaigns();
      if (campaigns.length === 1) {
        this.say(await sendTo(campaigns[0], this.run));
      } else if (!campaigns.length) {
        this.say("No campaign is open. Create one on the Campaigns page, then send these pairs to it.", true);
      } else {
        this.sendable = campaigns;
        this.notice = null;
        this.draw();
        this.focus("[data-part^=campaign]");
      }
    });
  }

  /** @param {{ id: number, name: string }} campaign */
  sendHere(campaign) {
    return this.attempt(async () => {
      this.sendable = [];
      this.say(await sendTo(campaign, this.run));
    });
  }

  stop() { return this.attempt(async () => { await call("POST", `/runs/${this.run.run_id}/stop`); }); }

  star() {
    const starred = !this.run.starred;
    return this.keep(`/runs/${this.run.run_id}/about`, { starred }, starred ? "Starred: History finds it." : "The star is taken away.");
  }

  pin() {
    const { run_id, pin_id } = this.run;
    if (pin_id !== null) return this.keep(`/pins/${pin_id}/remove`, {}, "Not pinned any more; what was answered stays.");
    return this.keep("/pins", { run_id }, "Pinned: each version answers this prompt, side by side on Versions.");
  }

  /** @param {string} path @param {object} body @param {string} words */
  keep(path, body, words) {
    return this.attempt(async () => {
      await call("POST", path, body);
      await this.refresh();
      this.say(words);
    });
  }

  copyLink() {
    return this.attempt(async () => {
      const link = addressTo(`./?run=${this.run.run_id}&read=1`).href;
      try {
        await navigator.clipboard.writeText(link);
        this.say("The link is copied: whoever may read results opens this run with it, and cannot change it.");
      } catch {
        this.say(link);
      }
    });
  }

  toggleChanges() {
    this.showChanges = !this.showChanges;
    this.draw();
  }

  toggleWhole() {
    this.wholePrompt = !this.wholePrompt;
    this.draw();
  }

  // ---- keys

  /** A key pressed before the pair could be read: nothing is stored, and that is seen and announced. */
  refuse() {
    clearTimeout(this.refusal);
    this.foot?.classList.add("early");
    this.say("Too soon, not counted");
    this.refusal = setTimeout(() => this.foot?.classList.remove("early"), REFUSED_MS);
  }

  /** Returns what a key does; undefined where it does nothing. @param {KeyboardEvent} event */
  actionOf({ key, shiftKey }) {
    const { run, offer } = this;
    if (key === "d" && !offer) return () => this.toggleChanges();
    if (this.readOnly) return undefined;
    if (offer) {
      const outcome = DECISIONS[key];
      if (outcome && performance.now() - offer.paintedAt < QUIET_MS) return () => this.refuse();
      if (outcome) return () => this.decide(outcome, shiftKey ? 2 : 1);
      if (key === "j" && run.judge) return () => this.letJudge();
      return key === "Escape" ? () => this.putBack() : undefined;
    }
    const done = finished(run);
    const cell = done.length > 1 ? done[Number(key) - 1] : undefined;
    if (cell) return () => this.choose(cell);
    if (key === "u") return () => this.undo();
    if (run.state === "running") return key === "Escape" ? () => this.stop() : undefined;
    if (key === "l" && done.length > 1) return () => this.send();
    return key === "r" && this.composer.isFolded ? () => this.composer.askAgain() : undefined;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (!this.shown || event.repeat || chord || typing(event.target)) return;
    if (event.key.toLowerCase() === "h" && !this.offer) return location.assign(addressTo("history"));
    const action = this.actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  // ---- state from the server

  /** @param {Run | null} value */
  take(value) {
    if (value && value.run_id === this.wentBackFrom) return;
    if (value?.run_id && this.shown?.run_id !== value.run_id) {
      this.composer.foldFor(value.run_id, this.shown !== null || !this.composer.isFolded);
      this.forget();
      this.address.goTo(value.run_id);
    }
    this.shown = value?.run_id ? value : null;
    const open = this.shown?.comparisons.find((one) => one.outcome === null);
    if (open && !this.offer && !this.readOnly) { // open when the page was loaded again, it is open still
      this.offer = { key: open.key, left: open.left, right: open.right, paintedAt: performance.now() };
      this.chosen = [open.left, open.right];
    }
    this.draw();
  }

  /** Back to the empty form. */
  leave() {
    this.wentBackFrom = this.shown?.run_id ?? null;
    this.take(null);
    this.composer.askNew();
  }
}

/** @param {{ element: Element, props: { value: Run | null }, watch: (name: string, then: () => void) => void }} host */
export const mount = ({ element, props, watch }) => {
  const board = new Board(/** @type {HTMLElement} */ (element.querySelector(".board")));
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (board.root.isConnected) board.onKey(event);
    else document.removeEventListener("keydown", onKey);
  };
  document.addEventListener("keydown", onKey);
  watch("value", () => board.take(props.value));
  board.take(props.value);
};
