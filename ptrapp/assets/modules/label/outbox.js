// @ts-check
// What the server has not acknowledged: kept in the browser, sent in order and again until it is
// answered. Sending again is safe: the server knows the key.

import { call, freshId, NoAnswer, patience_ms, Refusal } from "../requests.js";
import { storage } from "../storage.js";

/**
 * @typedef {object} Entry
 * @property {"vote" | "skip" | "flag" | "reason"} kind
 * @property {string} about the pair's key
 * @property {any} [body]
 * @property {number} [n] the pair's number in the campaign
 * @property {boolean} [practice]
 * @property {string} [words] of the answer that a reason is about
 * @property {string} [name] under which it is kept
 * @property {number} [at] when it was put here, in milliseconds
 */

const OUT = "out.";
const FINAL = new Set([400, 404, 409, 410, 413, 422]); // asking again would get the same refusal
const SLOW_MS = 1000; // on its way for less it is not worth a word
export const TIMEOUT_MS = 15_000; // every request of the desk may be repeated

/** @param {{ key: string }} pair @param {string} rest */
export const pathOf = ({ key }, rest) => `/labels/${encodeURIComponent(key)}/${rest}`;

export class Outbox {
  /** @param {{ onAnswer: (entry: Entry, answer: any) => void, onRefusal: (entry: Entry, sentence: string) => void, onChange: () => void }} desk */
  constructor(desk) {
    this.desk = desk;
    this.store = storage("label");
    /** @type {Entry[]} */
    this.waiting = this.store.names(OUT).sort().map((name) => ({ ...this.store.read(name), name })).filter((entry) => entry.about);
    /** @type {Promise<void> | null} */
    this.passing = null;
    /** Why the last attempt failed. @type {string | null} */
    this.trouble = null;
    this.failed = 0;
    this.timer = 0;
    this.n = 0;
    window.addEventListener("online", () => this.flush());
  }

  /** Keys of the pairs that something here is about. */
  get about() { return this.waiting.map((entry) => entry.about); }

  get isSlow() { return this.waiting.some((entry) => Date.now() - (entry.at ?? 0) >= SLOW_MS); }

  /** @param {Entry} entry */
  put(entry) {
    const at = Date.now();
    const name = `${OUT}${at}.${String(this.n++).padStart(6, "0")}.${freshId().slice(0, 8)}`;
    this.store.write(name, { ...entry, at });
    this.waiting.push({ ...entry, at, name });
    setTimeout(() => this.desk.onChange(), SLOW_MS);
    this.desk.onChange();
    this.flush();
  }

  /** Sends what waits; while it is being sent already, what comes is sent with it. */
  flush() {
    clearTimeout(this.timer);
    if (this.waiting.length) this.passing ??= this.pass();
    return this.passing ?? Promise.resolve();
  }

  /** Whether everything got through: false as soon as an attempt failed. */
  async drained() {
    await this.flush();
    return this.waiting.length === 0;
  }

  async pass() {
    const held = new Set(); // pairs whose earlier entry did not get through: what follows waits for it
    /** @type {Error | null} */
    let failure = null;
    for (let entry; (entry = this.waiting.find(({ about }) => !held.has(about)));) {
      try {
        await this.deliver(entry);
      } catch (error) {
        failure = /** @type {Error} */ (error);
        if (error instanceof NoAnswer) break;
        held.add(entry.about);
      }
    }
    this.passing = null;
    this.trouble = failure && (failure instanceof NoAnswer ? "the server does not answer" : failure.message);
    this.failed = failure ? this.failed + 1 : 0;
    if (failure) this.timer = setTimeout(() => this.flush(), patience_ms(this.failed));
    this.desk.onChange();
  }

  /** @param {Entry} entry */
  async deliver(entry) {
    let tell;
    try {
      const answer = await call("POST", pathOf({ key: entry.about }, entry.kind), entry.body, TIMEOUT_MS);
      tell = () => this.desk.onAnswer(entry, answer);
    } catch (error) {
      if (!(error instanceof Refusal && FINAL.has(error.status))) throw error;
      tell = () => this.desk.onRefusal(entry, error.message);
    }
    this.waiting.splice(this.waiting.indexOf(entry), 1);
    this.store.drop(/** @type {string} */ (entry.name));
    tell();
  }
}
