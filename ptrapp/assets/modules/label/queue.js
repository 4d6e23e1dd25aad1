// @ts-check
// The next pairs, fetched before they are needed, so that the next one is always here.

import { call, NoAnswer, patience_ms } from "../requests.js";
import { TIMEOUT_MS } from "./outbox.js";

/** @typedef {import("./pair.js").Pair} Pair */

const AHEAD = 8; // asked for; below ENOUGH more are fetched
const ENOUGH = 6;
const MOST_HELD = 50; // the server reads no longer list
const LOOK_AGAIN_MS = 5000; // when every open pair is with somebody else

export class Queue {
  /** @param {{ id: number, tab: string, held: () => string[], onMore: (answer: any) => void }} desk keys of pairs it deals with, and who hears of more */
  constructor(desk) {
    this.desk = desk;
    /** @type {Pair[]} */
    this.ahead = [];
    /** Answered on this page: an answer still on its way is not offered again. @type {Set<string>} */
    this.seen = new Set();
    this.asking = false;
    this.failed = 0;
    this.timer = 0;
    this.finished = false;
    this.looked = false;
    /** Why there was no answer; what the server would not. @type {string | null} */
    this.trouble = null;
    /** @type {string | null} */
    this.refused = null;
    window.addEventListener("online", () => this.fill());
  }

  get known() { return [...this.desk.held(), ...this.ahead.map(({ key }) => key)]; }

  async fill() {
    if (this.asking || this.ahead.length >= ENOUGH || this.refused) return;
    this.asking = true;
    let answer = null;
    try {
      answer = await this.fetchMore();
    } catch (error) {
      this.fail(error);
    }
    this.asking = false;
    this.desk.onMore(answer);
  }

  async fetchMore() {
    const { known, ahead } = this;
    const body = { n: AHEAD - ahead.length, have: [...new Set(known)].slice(0, MOST_HELD), tab: this.desk.tab };
    const answer = await call("POST", `/campaigns/${this.desk.id}/next`, body, TIMEOUT_MS);
    const mine = new Set([...this.known, ...this.seen]);
    this.ahead.push(...answer.pairs.filter((/** @type {Pair} */ pair) => !mine.has(pair.key)));
    Object.assign(this, { finished: answer.finished, trouble: null, refused: null, looked: true, failed: 0 });
    // With answers on their way the server cannot tell whether this was all: asked again at once.
    if (!this.ahead.length && !answer.finished) this.later(known.length > this.desk.held().length ? 0 : LOOK_AGAIN_MS);
    return answer;
  }

  /** @param {any} error */
  fail(error) {
    const again = error instanceof NoAnswer || error.status >= 500 || error.status === 429;
    if (!again) { this.refused = error.message; return; }
    this.trouble = error.message;
    this.failed += 1;
    this.later(patience_ms(this.failed));
  }

  /** @param {number} wait_ms */
  later(wait_ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fill(), wait_ms);
  }

  again() {
    this.refused = null;
    return this.fill();
  }

  take() { return this.ahead.shift() ?? null; }

  /** @param {Pair} pair */
  answered({ key }) { this.seen.add(key); }

  /** @param {Pair} pair */
  putBack(pair) {
    this.seen.delete(pair.key);
    this.ahead.unshift(pair);
  }

  /** @param {Pair} pair */
  forget({ key }) { this.ahead = this.ahead.filter((other) => other.key !== key); }
}
