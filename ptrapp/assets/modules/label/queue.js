// @ts-check
// The next pairs, fetched before they are needed, so that the next one is always here.

import { ask, NoAnswer, patience_ms, tell } from "../requests.js";

const AHEAD = 8; // asked for; below ENOUGH more are fetched
const ENOUGH = 6;
const MOST_HELD = 50; // the server reads no longer list
const LOOK_AGAIN_MS = 5000; // when every open pair is with somebody else

export class Queue {
  /** @type {Pair[]} */
  ahead = [];
  /** Answered on this page: an answer still on its way is not offered again. @type {Set<string>} */
  seen = new Set();
  asking = false;
  failed = 0;
  timer = 0;
  finished = false;
  looked = false;
  /** Why there was no answer. @type {string | null} */
  trouble = null;
  /** What the server would not, and is not asked again. @type {string | null} */
  refused = null;

  /** @param {Holder} holder */
  constructor(holder) {
    this.holder = holder;
    window.addEventListener("online", () => this.fill());
    window.addEventListener("pagehide", () => this.leave());
    window.addEventListener("pageshow", ({ persisted }) => { if (persisted) this.fill(); });
  }

  get known() { return [...this.holder.held, ...this.ahead.map(({ key }) => key)]; }

  async fill() {
    if (this.asking || this.ahead.length >= ENOUGH || this.refused) return;
    this.asking = true;
    const answer = await this.fetchMore().catch((error) => this.fail(error));
    this.asking = false;
    this.holder.onMore(answer);
  }

  async fetchMore() {
    const { known, holder } = this;
    const body = { n: AHEAD - this.ahead.length, have: [...new Set(known)].slice(0, MOST_HELD), tab: holder.tab };
    const answer = await ask("POST", `/campaigns/${holder.campaign.id}/next`, body);
    const mine = new Set([...this.known, ...this.seen]);
    this.ahead.push(...answer.pairs.filter((/** @type {Pair} */ pair) => !mine.has(pair.key)));
    Object.assign(this, { finished: answer.finished, trouble: null, looked: true, failed: 0 });
    // With answers on their way the server cannot tell whether this was all: asked again at once.
    if (!this.ahead.length && !answer.finished) this.later(known.length > holder.held.length ? 0 : LOOK_AGAIN_MS);
    return answer;
  }

  /** @param {any} error */
  fail(error) {
    const again = error instanceof NoAnswer || error.status >= 500 || error.status === 429;
    this[again ? "trouble" : "refused"] = error.message;
    if (again) this.later(patience_ms(++this.failed));
  }

  /** @param {number} wait_ms */
  later(wait_ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fill(), wait_ms);
  }

  again() {
    this.refused = null;
    this.fill();
  }

  /** What was fetched ahead is soon somebody else's, unless the page comes back. */
  leave() {
    const keys = this.ahead.map(({ key }) => key);
    this.ahead = [];
    if (keys.length) tell("/labels/leave", { keys });
  }

  take() { return this.ahead.shift() ?? null; }

  /** @param {Pair} pair */
  putBack(pair) {
    this.seen.delete(pair.key);
    this.ahead.unshift(pair);
  }

  /** @param {Pair} pair */
  forget({ key }) { this.ahead = this.ahead.filter((other) => other.key !== key); }
}
