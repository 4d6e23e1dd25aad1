// @ts-check
// One person's session on a campaign: what is on the screen, and what each action does to it. The
// next pair is painted at once and the answer is sent behind it. The server holds the data.

import { IN_WORDS, isAnswer } from "../answers.js";
import { html, render } from "../html.js";
import { Quiet } from "../quiet.js";
import { ask } from "../requests.js";
import { storage } from "../storage.js";
import { reveal, undo } from "./back.js";
import { loadDiff } from "./diff.js";
import { Keys } from "./keys.js";
import { Outbox, SIGNED_OUT } from "./outbox.js";
import { Pace } from "./pace.js";
import { reachWide } from "./pair.js";
import { coversPair } from "./panels.js";
import { Queue } from "./queue.js";
import { draft, keep } from "./reason.js";
import { Screen } from "./screen.js";
import { elsewhere } from "./start.js";
import { watchSwipes } from "./swipe.js";
import { feedbackWords, savedAloud } from "./told.js";

const LIT_MS = 150; // the chosen side is lit, then the next pair is there at once

export class Desk {
  keys = new Keys();
  quiet = new Quiet(() => this.draw());
  /** On the screen. @type {Pair | null} */
  pair = null;
  /** The answered pair while it is lit. @type {{ pair: Pair, outcome: Outcome, strength: number } | null} */
  lit = null;
  litTimer = 0;
  /** Of a practice pair: without words its answer is awaited. @type {{ key: string, words?: string, markup?: string, right?: boolean } | null} */
  feedback = null;
  /** What was answered last. @type {{ key: string, words: string, prompt: string } | null} */
  last = null;
  flagged = false;
  showDiff = false;
  busy = false;
  /** @type {{ text: string, bad: boolean, waits?: boolean } | null} */
  notice = null;
  heard = ""; // by a screen reader
  /** @type {OpenPanel | null} */
  panel = null;
  /** The open line for a reason. @type {ReasonLine | null} */
  line = draft();
  done = 0;
  total = 0; // done and left when it was counted; gold and repeats come on top
  practiceLeft = 0;

  /**
   * @param {HTMLElement} root @param {string} tab
   * @param {Campaign} campaign @param {Me} me @param {Campaign[]} others where something is left too
   */
  constructor(root, tab, campaign, me, others) {
    Object.assign(this, { total: campaign.n_done_by_me + campaign.n_left_for_me, done: campaign.n_done_by_me });
    this.practiceLeft = campaign.practice_left;
    this.root = root;
    this.tab = tab;
    this.campaign = campaign;
    this.me = me;
    this.others = others;
    this.pace = new Pace(campaign.id);
    this.outbox = new Outbox(this, me.uid);
    this.queue = new Queue(this);
    const { guidelines, id } = campaign;
    if (guidelines && storage("label").read(`seen.${id}`) !== guidelines) this.panel = { name: "guidelines" };
    storage("label").write(`seen.${id}`, guidelines);
    root.classList.add("desk");
    this.outbox.flush();
    this.queue.fill();
    this.draw();
  }

  /** Keys of the pairs that are dealt with here. */
  get held() { return [...(this.pair ? [this.pair.key] : []), ...this.outbox.about]; }

  /** The pair that is drawn, answered or not. */
  get shown() { return this.pair ?? this.lit?.pair ?? null; }

  // ---- drawing

  draw() {
    if (this.queue.finished && !this.shown) this.total = this.done;
    render(html`<${Screen} desk=${this} />`, this.root);
    reachWide(this.root);
  }

  /** @param {HTMLElement | null} node of the pair, as it comes and goes */
  watchPair = (node) => { if (node) watchSwipes(node, (side) => this.decide(side)); };

  /** @param {string} part */
  focus(part) {
    this.draw();
    /** @type {HTMLElement | null} */ (this.root.querySelector(part))?.focus({ preventScroll: true });
  }

  say(text = "", bad = false, waits = false) {
    this.notice = { text, bad, waits }; // what waits for the outbox is true no longer than that
    this.draw();
  }

  /** @param {Desk["panel"]} panel one that was not open before has the focus, which goes back when it closes */
  show(panel) {
    const was = this.panel?.name;
    this.panel = panel;
    if (panel && panel.name !== was) this.focus(".label-panel h3");
    else if (!panel && this.root.querySelector(".label-panel:focus-within")) this.focus(`[data-part=${was}]`);
    else this.draw();
  }

  // ---- what the server says

  /** @param {Entry} entry @param {any} answer */
  onAnswer({ kind, about, n, practice }, answer) {
    if (kind !== "vote") { this.heard = savedAloud(kind, this.heard); return; }
    this.done = Math.max(this.done, answer.done);
    this.heard = n ? `Pair ${n} saved` : "Saved";
    if (answer.note) this.say(answer.note);
    if (!answer.counted) this.say("Your answer came too late: others had already labelled this pair. It is stored but not counted.");
    if (practice) this.explain(about, answer.practice);
  }

  /** @param {Entry} entry @param {string} sentence */
  onRefusal({ kind, about, words = "", body, practice }, sentence) {
    // A reason is back in its line, to be mended.
    if (kind === "reason") this.line = keep({ key: about, words, text: body.text, problem: sentence });
    if (kind === "vote" && !practice && this.queue.seen.has(about)) this.uncount(); // none of before a reload
    this.say(`Not saved: ${sentence}`, true);
    if (this.feedback?.key === about) this.advance();
  }

  onChange() {
    if (this.notice?.waits && !this.outbox.waiting.length) this.notice = { text: "All is saved now: press it again.", bad: false };
    if (this.outbox.isStranger) this.queue.refused = `Nothing more is loaded: ${SIGNED_OUT}.`;
    if (!this.shown && !this.feedback) this.queue.fill();
    this.draw();
  }

  /** @param {any} answer nothing where there was none */
  onMore(answer) {
    if (answer) {
      this.done = Math.max(this.done, answer.done);
      this.practiceLeft = Math.min(this.practiceLeft, answer.practice_left);
      if (this.done >= this.total || answer.finished) this.countLeft();
    }
    if (!this.shown && !this.feedback && this.queue.ahead.length) this.advance();
    this.draw();
  }

  /** Asks what is left here and elsewhere: others label too. What fails is asked again with the next pairs. */
  async countLeft() {
    /** @type {Campaign[] | null} */
    const all = await ask("GET", "/campaigns").catch(() => null);
    if (!all) return;
    this.others = elsewhere(all, this.campaign);
    const here = all.find((one) => one.id === this.campaign.id);
    if (here) this.total = here.n_done_by_me + here.n_left_for_me;
    this.draw();
  }

  /** Nothing of a practice pair goes on before the explanation was there to be read. @param {string} key @param {any} result */
  explain(key, result) {
    if (this.feedback?.key !== key) { // answered before a reload: its pair is gone, its explanation is not
      if (this.pair) this.queue.putBack(this.pair);
      this.paint(null);
    }
    this.feedback = { key, words: feedbackWords(result), markup: result?.explanation_html, right: result?.right };
    this.quiet.begin();
    this.practiceLeft = Math.max(0, this.practiceLeft - 1);
    this.focus("[data-part=go-on]");
  }

  // ---- from pair to pair

  advance() {
    this.feedback = null;
    this.paint(this.queue.take());
    this.queue.fill();
  }

  goOn() { if (this.feedback?.words && !this.quiet.isNow) this.advance(); }

  /** @param {Pair | null} pair */
  paint(pair) {
    clearTimeout(this.litTimer);
    Object.assign(this, { pair, lit: null, flagged: false });
    this.quiet.begin();
    this.draw();
    for (const body of this.root.querySelectorAll(".label-side .label-text")) body.scrollTop = 0;
    loadDiff(this);
  }

  /** Whether the pair may be dealt with now; a press that comes too soon is refused. */
  get isReady() {
    const open = this.pair && !this.feedback && !this.busy;
    const early = this.lit || (open && this.quiet.isNow);
    if (early) this.quiet.refuse();
    const covered = open && coversPair(this.root);
    if (covered) this.say("Close the panel first: it covers the pair.", true);
    return open && !early && !covered;
  }

  /** The pair on the screen is dealt with. @returns {Pair} */
  leave() {
    const pair = /** @type {Pair} */ (this.pair);
    this.queue.seen.add(pair.key);
    this.notice = null;
    return pair;
  }

  /** @param {Outcome} outcome */
  decide(outcome, strength = 1) {
    if (!this.isReady) return;
    const body = { outcome, strength, decided_ms: this.quiet.decided_ms, client: "label" };
    const pair = this.leave();
    const { key, practice, prompt } = pair;
    this.last = { key, words: IN_WORDS[outcome], prompt };
    if (practice) {
      this.feedback = { key };
      this.outbox.put({ kind: "vote", about: key, body, practice });
      return;
    }
    this.done += 1;
    this.last.words += ` (pair ${this.done})`;
    this.pace.count(1, body.decided_ms / 1000);
    this.pair = null; // nothing is there to be answered until the next one is painted
    this.lit = { pair, outcome, strength };
    this.litTimer = setTimeout(() => this.advance(), LIT_MS);
    this.outbox.put({ kind: "vote", about: key, body, n: this.done });
  }

  // ---- actions

  /** @param {string} action */
  act(action, strength = 1) {
    if (action === "help" || action === "guidelines") this.show(this.panel?.name === action ? null : { name: action });
    else if (isAnswer(action)) this.feedback ? this.goOn() : this.decide(action, strength);
    else if (!this.feedback) this[/** @type {"skip" | "flag" | "diff" | "reason" | "undo" | "reveal"} */ (action)]();
  }

  skip() {
    if (!this.isReady) return;
    const { key, practice } = this.leave();
    if (!practice) this.total -= 1; // it is nobody's here any more
    this.outbox.put({ kind: "skip", about: key });
    this.advance();
  }

  flag() {
    if (!this.pair) return;
    this.flagged = !this.flagged;
    this.say(this.flagged ? "Flagged. Why says what is wrong; you can still answer it, or skip it." : "The flag is removed.");
    this.outbox.put({ kind: "flag", about: this.pair.key, body: { flagged: this.flagged, note: "" } });
  }

  diff() {
    this.showDiff = !this.showDiff;
    this.draw();
    loadDiff(this);
  }

  /** A line for why the pair on the screen is flagged, else for why the last one was answered so. */
  reason() {
    if (this.pair && this.flagged) {
      this.line = { key: this.pair.key, words: "the flag", text: "", isFlag: true };
      this.focus("#label-reason");
      return;
    }
    if (!this.last) { this.say("Answer a pair first, then give a reason for it."); return; }
    const { key, words } = this.last;
    this.line = draft() ?? { key, words, text: "" };
    this.focus("#label-reason");
  }

  undo() { undo(this); }

  reveal() { reveal(this); }

  /** An undone pair is there again, to be answered anew. @param {Pair} pair */
  takeBack(pair) {
    this.queue.forget(pair);
    if (this.pair) this.queue.putBack(this.pair);
    Object.assign(this, { last: pair.was ? null : this.last, notice: null, line: null });
    if (!pair.was) {
      if (!pair.practice) this.total += 1;
      this.notice = { text: "The pair that you skipped is here again.", bad: false };
    } else if (pair.practice) this.practiceLeft += 1;
    else this.uncount();
    this.paint(pair);
  }

  /** A vote that was counted when it was given does not stand. */
  uncount() {
    this.pace.count(-1);
    this.done = Math.max(0, this.done - 1);
  }
}
