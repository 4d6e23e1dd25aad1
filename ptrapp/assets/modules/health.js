// @ts-check
// A banner on every page while /health says that the app cannot do its work, or warns: why, and
// what to do. It looks more often until that is over, and then says so. An app that does not answer
// at all is said by whatever asked it.

import { html, render } from "./html.js";

const EVERY_MS = 15_000;
const WAITING_MS = 2_000;
const SAID_FOR_MS = 5_000;
const OVER = "The model is ready: prompts are answered again.";

/** @param {string} text */
const withoutFigures = (text) => text.replace(/\d+/g, "");

/** Returns what the app says of itself; null where there is no answer, or one that is not ours. */
const asked = async () => {
  try {
    const response = await fetch("api/v1/health", { cache: "no-store" });
    if (response.status !== 503 && !response.ok) return null;
    const said = await response.json();
    return { text: (response.ok ? said.warning : said.error) ?? "", warns: response.ok };
  } catch {
    return null;
  }
};

/** @param {Host} host */
export const mount = ({ element }) => {
  const root = /** @type {HTMLElement} */ (element.querySelector(".health"));
  let said = "";
  let warned = false;
  let over = 0;
  let next = 0;

  const show = (/** @type {string} */ text, /** @type {object} */ attributes) =>
    render(text ? html`<p ...${attributes}>${text}</p>` : null, root);

  const look = async () => {
    const found = document.hidden ? null : await asked();
    if (!found || found.text === said) return;
    clearTimeout(over);
    if (found.text) {
      // The same words with other figures are not read aloud again: a load says its seconds.
      const same = withoutFigures(found.text) === withoutFigures(said);
      show(found.text, { role: "alert", "aria-live": same ? "off" : "assertive" });
    } else if (warned) {
      show("", {});
    } else {
      show(OVER, { role: "status" });
      over = setTimeout(show, SAID_FOR_MS, "", {});
    }
    said = found.text;
    warned = found.warns && found.text !== "";
  };

  const watchHealth = async () => {
    clearTimeout(next);
    await look();
    if (root.isConnected) next = setTimeout(watchHealth, said ? WAITING_MS : EVERY_MS);
  };
  document.addEventListener("visibilitychange", watchHealth);
  watchHealth();
};
