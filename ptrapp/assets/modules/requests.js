// @ts-check
// Calls of our routes. Addresses are relative: the page's <base> is the app's own path, wherever a
// proxy put it.

/**
 * Returns what a route answers. Throws an `Error` with a sentence for the person.
 * @param {string} method
 * @param {string} path below api/v1
 * @param {unknown} [body]
 */
export const call = async (method, path, body) => {
  /** @type {RequestInit} */
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(`api/v1${path}`, options);
  } catch {
    throw new Error("The server does not answer. It may be restarting; try again in a moment.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.error || `The server answered ${response.status}.`);
};
