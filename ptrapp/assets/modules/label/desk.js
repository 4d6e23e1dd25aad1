// @ts-check
// One person's session on a campaign: what is on the screen, and what each action does to it. The
// next pair is painted at once and the answer is sent behind it. The server holds the data.

import { IN_WORDS, isAnswer } from "../answers.js";
import { html, render } from "../html.js";
import { Quiet } from "../quiet.js";
import { call } from "../requests.js";
import { storage } from "../storage.js";
import { Back } from "./back.js";
import { Keys } from "./keys.js";
import { Outbox, pathOf, TIMEOUT_MS } from "./outbox.js";
import { Pace } from "./pace.js";
import { reachWide } from "./pair.js";
import { Panels } from "./panels.js";
import { Queue } from "./queue.js";
import { Reason } from "./reason.js";
import { Screen } from "./screen.js";
import { watchSwipes } from "./swipe.js";
import { feedbackWords } from "./told.js";

/** @typedef {import("../answers.js").Outcome} Outcome */
/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("./pair.js").Pair} Pair */
/** @typedef {import("./start.js").Campaign} Campaign */

const LIT_MS = 150; // the chosen side is lit, then the next pair is there at once

export class Desk {
  /** @param {HTMLElement} root @param {string} tab */
  constructor(root, tab) {
    this.root = root;
    this.tab = tab;
    this.keys = new Keys();
    this.panels = new Panels(this);
    this.back = new Back(this);
    this.reason = new Reason({
      draw: () => this.draw(),
      focus: (part) => this.focus(part),
      store: ({ key, words }, text) => this.outbox.put({ kind: "reason", about: key, words, body: { text } }),
    });
    this.outbox = new Outbox({
      onAnswer: (entry, answer) => this.onAnswer(entry, answer),
      onRefusal: (entry, sentence) => this.onRefusal(entry, sentence),
      onChange: () => this.onChange(),
    });
    this.isOpen = false;
    // Set as it opens.
    this.campaign = /** @type {Campaign} */ ({});
    this.me = { name: "" };
    this.others = /** @type {Campaign[]} */ ([]);
    this.queue = /** @type {Queue} */ (/** @type {unknown} */ (null));
    this.pace = /** @type {Pace} */ (/** @type {unknown} */ (null));
    /** On the screen. @type {Pair | null} */
    this.pair = null;
    /** The answered pair while it is lit. @type {{ pair: Pair, outcome: Outcome, strength: number } | null} */
    this.lit = null;
    this.litTimer = 0;
    this.quiet = new Quiet(() => this.draw());
    /** Of a practice pair: without words its answer is awaited. @type {{ key: string, words?: string, markup?: string, right?: boolean } | null} */
    this.feedback = null;
    /** What was answered last. @type {{ key: string, words: string, prompt: string } | null} */
    this.last = null;
    this.flagged = false;
    this.showDiff = false;
    this.busy = false;
    /** @type {{ text: string, bad: boolean } | null} */
    this.notice = null;
    this.heard = ""; // by a screen reader
    this.done = 0;
    this.total = 0; // done and, at most, left
    this.practiceLeft = 0;
  }

  /** @param {Campaign} campaign @param {{ name: string }} me @param {Campaign[]} others where something is left too */
  open(campaign, me, others) {
    Object.assign(this, { campaign, me, others, isOpen: true });
    this.done = campaign.n_done_by_me;
    this.total = this.done + campaign.n_left_for_me;
    this.practiceLeft = campaign.practice_left;
    this.pace = new Pace(campaign.id);
    this.queue = new Queue({
      id: campaign.id,
      tab: this.tab,
      held: () => [...(this.pair ? [this.pair.key] : []), ...this.outbox.about],
      onMore: (answer) => this.onMore(answer),
    });
    const store = storage("label");
    const seen = `seen.${campaign.id}`;
    if (campaign.guidelines && store.read(seen) !== campaign.guidelines.length) this.panels.name = "guidelines";
    store.write(seen, campaign.guidelines.length);
    this.root.classList.add("desk");
    this.reason.restore();
    this.queue.fill();
    this.draw();
  }

  /** @param {HTMLElement | null} node of the pair, as it comes and goes */
  watchPair = (node) => { if (node) watchSwipes(node, (side) => this.decide(side)); };

  /** The pair that is drawn, answered or not. */
  get shown() { return this.pair ?? this.lit?.pair ?? null; }

  draw() {
    if (!this.isOpen) return;
    if (this.queue.finished && !this.shown) this.total = this.done;
    render(html`<${Screen} desk=${this} />`, this.root);
    reachWide(this.root);
  }

  /** @param {string} part */
  focus(part) {
    this.draw();
    /** @type {HTMLElement | null} */ (this.root.querySelector(part))?.focus({ preventScroll: true });
  }

  say(text = "", bad = false) {
    this.notice = { text, bad };
    this.draw();
  }

  // ---- what the server says

  /** @param {Entry} entry @param {any} answer */
  onAnswer({ kind, about, n, practice }, answer) {
    if (kind !== "vote") return;
    this.done = Math.max(this.done, answer.done);
    this.heard = n ? `Pair ${n} saved` : "Saved";
    if (!answer.counted) this.say("Your answer came too late: others had already labelled this pair. It is stored but not counted.");
    if (practice) this.showFeedback(about, answer.practice);
  }

  /** @param {Entry} entry @param {string} sentence */
  onRefusal({ kind, about, words = "", body }, sentence) {
    if (kind === "reason") this.reason.giveBack({ key: about, words }, body.text, sentence);
    this.say(`Not saved: ${sentence}`, true);
    if (this.feedback?.key === about) this.goOn(true);
  }

  onChange() {
    if (this.isOpen && !this.shown && !this.feedback) this.queue.fill();
    this.draw();
  }

  /** @param {any} answer null where there was none */
  onMore(answer) {
    if (answer) {
      this.done = Math.max(this.done, answer.done);
      this.practiceLeft = Math.min(this.practiceLeft, answer.practice_left);
    }
    if (!this.shown && !this.feedback && this.queue.ahead.length) this.advance();
    this.draw();
  }

  // ---- from pair to pair

  advance() {
    this.paint(this.queue.take());
    this.queue.fill();
  }

  /** @param {Pair | null} pair */
  paint(pair) {
    Object.assign(this, { pair, lit: null, flagged: false });
    this.quiet.begin();
    clearTimeout(this.litTimer);
    this.draw();
    for (const body of this.root.querySelectorAll(".label-side .label-text")) body.scrollTop = 0;
    if (this.showDiff) this.loadDiff();
  }

  /** Whether the pair may be answered now; a press that comes too soon is refused. */
  get isReady() {
    const open = this.pair !== null && !this.feedback && !this.busy;
    const early = this.lit !== null || (open && this.quiet.isNow);
    if (early) this.quiet.refuse();
    return open && !early;
  }

  /** @param {Outcome} outcome */
  decide(outcome, strength = 1) {
    if (!this.isReady) return;
    const pair = /** @type {Pair} */ (this.pair);
    const { key, practice, prompt } = pair;
    const { decided_ms } = this.quiet;
    this.last = { key, words: IN_WORDS[outcome], prompt };
    this.leave(pair);
    if (practice) {
      this.feedback = { key };
    } else {
      this.done += 1;
      this.last.words += ` (pair ${this.done})`;
      this.pace.add(decided_ms / 1000);
      this.lit = { pair, outcome, strength };
      this.pair = null; // nothing is there to be answered until the next one is painted
      this.litTimer = setTimeout(() => this.advance(), LIT_MS);
    }
    const body = { outcome, strength, decided_ms, client: "label" };
    this.outbox.put({ kind: "vote", about: key, body, ...(practice ? { practice } : { n: this.done }) });
  }

  /** @param {Pair} pair that is dealt with */
  leave(pair) {
    this.queue.answered(pair);
    this.notice = null;
  }

  skip() {
    if (!this.isReady) return;
    const pair = /** @type {Pair} */ (this.pair);
    this.leave(pair);
    this.outbox.put({ kind: "skip", about: pair.key });
    this.advance();
  }

  flag() {
    if (!this.pair || this.feedback) return;
    this.flagged = !this.flagged;
    this.say(this.flagged ? "Flagged. You can still answer it, or skip it." : "The flag is removed.");
    this.outbox.put({ kind: "flag", about: this.pair.key, body: { flagged: this.flagged, note: "" } });
  }

  async diff() {
    this.showDiff = !this.showDiff;
    this.draw();
    if (this.showDiff) await this.loadDiff();
  }

  async loadDiff() {
    const { pair } = this;
    if (!pair || pair.pieces) return;
    try {
      pair.pieces = (await call("GET", pathOf(pair, "diff"), undefined, TIMEOUT_MS)).pieces;
      this.draw();
    } catch (error) {
      this.say(`The differences cannot be shown: ${/** @type {Error} */ (error).message}`, true);
    }
  }

  /** Nothing of a practice pair goes on before the explanation was there to be read. @param {string} key @param {any} result */
  showFeedback(key, result) {
    if (this.feedback?.key !== key) { // answered before a reload: its pair is gone, its explanation is not
      if (this.pair) this.queue.putBack(this.pair);
      this.paint(null);
    }
    this.feedback = { key, words: feedbackWords(result), markup: result?.explanation_html ?? "", right: result?.right };
    this.quiet.begin();
    this.practiceLeft = Math.max(0, this.practiceLeft - 1);
    this.focus("[data-part=go-on]");
  }

  goOn(refused = false) {
    if (!refused && (!this.feedback?.words || this.quiet.isNow)) return;
    this.feedback = null;
    this.advance();
  }

  /** An undone pair is there again, to be answered anew. @param {Pair} pair */
  takeBack(pair) {
    this.queue.forget(pair);
    if (this.pair) this.queue.putBack(this.pair);
    Object.assign(this, { last: null, notice: null });
    this.reason.line = null;
    if (pair.practice) {
      this.practiceLeft += 1;
    } else {
      this.pace.takeBack();
      this.done = Math.max(0, this.done - 1);
    }
    this.paint(pair);
  }


  /** @param {string} action */
  act(action, strength = 1) {
    if (action === "help" || action === "guidelines") this.panels.toggle(action);
    else if (this.feedback) { if (isAnswer(action)) this.goOn(); }
    else if (isAnswer(action)) this.decide(action, strength);
    else if (action === "skip") this.skip();
    else if (action === "flag") this.flag();
    else if (action === "diff") this.diff();
    else if (action === "undo") this.back.undo();
    else if (action === "reveal") this.back.reveal();
    else if (this.last) this.reason.open(this.last);
    else this.say("Answer a pair first, then give a reason for it.");
  }
}
