// @ts-check
// Before the first pair: which campaign, and under which name. The server draws the list of them.

import { html, render } from "../html.js";
import { ask, NoAnswer, patience_ms } from "../requests.js";

/** @param {number | ""} id none for the list */
export const campaignLink = (id) => {
  const url = new URL(location.href);
  url.searchParams.set("campaign", String(id));
  return url.href;
};

/** The rater's name; a click opens a form that changes it. Votes stay with the person. */
export const Name = (/** @type {{ me: { name: string }, draw: () => void }} */ { me, draw }) => {
  const save = async (/** @type {any} */ event) => {
    event.preventDefault();
    const { parentElement: box, elements: [line], lastElementChild: problem } = event.target;
    try {
      me.name = (await ask("POST", "/me", { name: line.value.trim() })).name;
      draw();
      problem.textContent = "";
      box.open = false;
      box.querySelector("summary").focus();
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
    }
  };
  return html`
    <details class="label-who" onToggle=${(/** @type {any} */ { target }) => target.open && target.querySelector("input").select()}>
      <summary>You are ${me.name}</summary>
      <form onSubmit=${save}>
        <input type="text" aria-label="Your name" maxlength="40" autocomplete="nickname" defaultValue=${me.name} />
        <button type="submit" class="btn s">Save name</button>
        <span role="status" class="label-problem" />
      </form>
    </details>`;
};

/** Returns the other campaigns where something is left. @param {Campaign[]} campaigns @param {Campaign} here */
export const elsewhere = (campaigns, here) =>
  campaigns.filter((one) => one.state === "open" && one.id !== here.id && one.n_left_for_me > 0);

/**
 * Opens the campaign asked for, or the only one there is; else the list stays.
 * @param {HTMLElement} root
 * @param {(campaign: Campaign, me: Me, others: Campaign[]) => void} open
 * @param {(me: Me) => void} stay
 */
export const enter = async (root, open, stay, failed = 1) => {
  try {
    const [me, campaigns] = await Promise.all([ask("GET", "/me"), ask("GET", "/campaigns")]);
    /** @type {Campaign[]} */
    const opened = campaigns.filter((/** @type {Campaign} */ one) => one.state === "open");
    const asked = new URL(location.href).searchParams.get("campaign");
    const alone = asked === null && opened.length === 1;
    const chosen = opened.find((one) => alone || String(one.id) === asked);
    if (chosen) return open(chosen, me, elsewhere(campaigns, chosen));
    const known = campaigns.find((/** @type {Campaign} */ one) => String(one.id) === asked);
    const words = known ? `${known.name} is ${known.state}: nobody labels it now.` : `Campaign ${asked} is not open to you.`;
    const draw = () => render(html`
      <${Name} me=${me} draw=${draw} />${asked && html`
        <p role="alert">${words}</p><p><a class="btn" href=${campaignLink("")}>Home</a></p>`}`, root);
    draw();
    stay(me);
  } catch (error) {
    const silent = error instanceof NoAnswer;
    if (silent) setTimeout(enter, patience_ms(failed), root, open, stay, failed + 1);
    const words = silent ? "The server does not answer; this page tries again automatically." : /** @type {Error} */ (error).message;
    render(html`<p role="alert">${words}</p>`, root);
  }
};
