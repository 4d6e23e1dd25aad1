// @ts-check
// Calls of our routes. Addresses are relative: the page's <base> is the app's own path, wherever a
// proxy put it.

/** The server will not: the message is its sentence for the person. */
export class Refusal extends Error {
  /** @param {string} sentence @param {number} status */
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** Nothing came back, or it was a proxy's: whether it was done is not known. */
export class NoAnswer extends Error {
  constructor() { super("The server does not answer. It may be restarting; try again in a moment."); }
}

/**
 * Returns what a route answers. Throws a `Refusal` or a `NoAnswer`.
 * @param {string} method
 * @param {string} path below api/v1
 * @param {unknown} [body]
 * @param {number} [within_ms] after which it is no answer any more
 */
export const call = async (method, path, body, within_ms) => {
  /** @type {RequestInit} */
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  if (within_ms) options.signal = AbortSignal.timeout(within_ms);
  let response;
  try { response = await fetch(`api/v1${path}`, options); } catch { throw new NoAnswer(); }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(answer?.error || `The server answered ${response.status}.`, response.status);
  if (answer === null) throw new NoAnswer();
  return answer;
};

/** Says something as the page goes: nobody is there to hear the answer. @param {string} path @param {unknown} body */
export const tell = (path, body) => {
  const headers = { "Content-Type": "application/json" };
  fetch(`api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body), keepalive: true }).catch(() => {});
};

const ENOUGH_MS = 15_000;

/** Calls what may be asked again, and does not wait for ever. @param {string} method @param {string} path @param {unknown} [body] */
export const ask = (method, path, body) => call(method, path, body, ENOUGH_MS);

const LONGEST_WAIT_S = 30;

/** How long to wait before asking again. @param {number} failed how often it has failed in a row */
export const patience_ms = (failed) => 1000 * Math.min(2 ** Math.max(0, failed - 1), LONGEST_WAIT_S);

/** A name that nothing else has: what is sent again under the same one is done once. @returns {string} */
export const freshId = () => crypto.randomUUID?.() ?? // absent where the page is not served over TLS
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
