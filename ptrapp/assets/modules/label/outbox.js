// @ts-check
// What the server has not acknowledged: kept in the browser, sent in order and again until it is
// answered. Sending again is safe: the server knows the key.

import { ask, freshId, NoAnswer, patience_ms, Refusal } from "../requests.js";
import { storage } from "../storage.js";

const OUT = "out.";
const FINAL = new Set([400, 404, 409, 410, 413, 422]); // asking again would get the same refusal
const NOT_GIVEN = 404; // not to whoever this browser is now, who may be somebody else than before
const SLOW_MS = 1000; // on its way for less it is not worth a word
const store = storage("label");
export const SIGNED_OUT = "you are not signed in here any more; sign in again, or ask for a new link";

/** @param {{ key: string }} pair @param {string} rest */
export const pathOf = ({ key }, rest) => `/labels/${encodeURIComponent(key)}/${rest}`;

export class Outbox {
  /** @type {Entry[]} */
  waiting = [];
  /** @type {Promise<void> | null} */
  passing = null;
  /** Why the last attempt failed. @type {string | null} */
  trouble = null;
  /** Whether the browser has become somebody else since. */
  isStranger = false;
  failed = 0;
  timer = 0;
  n = 0;

  /** @param {Listener} listener @param {string} by whose answers these are: another person's wait for that person */
  constructor(listener, by) {
    this.listener = listener;
    this.by = by;
    const kept = store.names(OUT).sort().map((name) => ({ ...store.read(name), name }));
    this.waiting = kept.filter((entry) => entry.about && (entry.by ?? by) === by);
    window.addEventListener("online", () => this.flush());
    window.addEventListener("beforeunload", (event) => { if (this.waiting.length) event.preventDefault(); });
  }

  /** Keys of the pairs that something here is about. */
  get about() { return this.waiting.map((entry) => entry.about); }

  get isSlow() { return this.waiting.some((entry) => Date.now() - (entry.at ?? 0) >= SLOW_MS); }

  /** @param {Entry} given */
  put(given) {
    const entry = { ...given, at: Date.now(), by: this.by };
    const name = `${OUT}${entry.at}.${String(this.n++).padStart(6, "0")}.${freshId().slice(0, 8)}`;
    store.write(name, entry);
    this.waiting.push({ ...entry, name });
    setTimeout(() => this.listener.onChange(), SLOW_MS);
    this.listener.onChange();
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
    /** @type {string | null} */
    let trouble = null;
    for (let entry; (entry = this.waiting.find(({ about }) => !held.has(about)));) {
      try {
        await this.deliver(entry);
      } catch (error) {
        trouble = error instanceof NoAnswer ? "the server does not answer" : /** @type {Error} */ (error).message;
        if (error instanceof NoAnswer) break;
        held.add(entry.about);
      }
    }
    this.passing = null;
    this.trouble = trouble;
    this.failed = trouble ? this.failed + 1 : 0;
    if (trouble) this.timer = setTimeout(() => this.flush(), patience_ms(this.failed));
    this.listener.onChange();
  }

  /** Throws where this browser is somebody else's by now: what waits is still the first person's to send. */
  async sameOrThrow() {
    this.isStranger = (await ask("GET", "/me")).uid !== this.by;
    if (this.isStranger) throw new Error(SIGNED_OUT);
  }

  /** @param {Entry} entry */
  async deliver(entry) {
    let tell;
    try {
      const answer = await ask("POST", pathOf({ key: entry.about }, entry.kind), entry.body);
      this.isStranger = false;
      tell = () => this.listener.onAnswer(entry, answer);
    } catch (error) {
      if (!(error instanceof Refusal && FINAL.has(error.status))) throw error;
      if (error.status === NOT_GIVEN) await this.sameOrThrow();
      tell = () => this.listener.onRefusal(entry, error.message);
    }
    this.waiting.splice(this.waiting.indexOf(entry), 1);
    store.drop(/** @type {string} */ (entry.name));
    tell();
  }
}
