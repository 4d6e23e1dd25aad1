// @ts-check
// Before the first pair: which campaign, and under which name. The server draws the list of them.

import { Component, html, render } from "../html.js";
import { call, NoAnswer, patience_ms } from "../requests.js";
import { TIMEOUT_MS } from "./outbox.js";

/**
 * @typedef {object} Campaign
 * @property {number} id
 * @property {string} name
 * @property {string} state
 * @property {string} guidelines
 * @property {string} guidelines_html
 * @property {boolean} reveal
 * @property {number} n_practice
 * @property {number} practice_left
 * @property {number} n_done_by_me
 * @property {number} n_left_for_me
 */
/** @typedef {{ name: string }} Me */

/** @param {number | ""} id none for the list */
export const campaignLink = (id) => {
  const url = new URL(location.href);
  url.searchParams.set("campaign", String(id));
  return url.href;
};

/** The rater's name; a click opens a form that changes it. Votes stay with the person. */
export class Name extends Component {
  /** @param {{ me: Me }} props */
  constructor(props) {
    super(props);
    this.state = { name: props.me.name, problem: "" };
  }

  /** @param {SubmitEvent} event */
  async save(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const box = /** @type {HTMLDetailsElement} */ (form.parentElement);
    try {
      const { name } = await call("POST", "/me", { name: form.querySelector("input")?.value.trim() }, TIMEOUT_MS);
      this.setState({ name, problem: "" });
      box.open = false;
      box.querySelector("summary")?.focus();
    } catch (error) {
      this.setState({ problem: /** @type {Error} */ (error).message });
    }
  }

  /** @param {Event} event */
  onToggle({ currentTarget }) {
    const box = /** @type {HTMLDetailsElement} */ (currentTarget);
    const line = /** @type {HTMLInputElement} */ (box.querySelector("input"));
    line.value = this.state.name;
    if (box.open) line.select();
  }

  render() {
    return html`
      <details class="label-who" onToggle=${(/** @type {Event} */ event) => this.onToggle(event)}>
        <summary>You are ${this.state.name}</summary>
        <form onSubmit=${(/** @type {SubmitEvent} */ event) => this.save(event)}>
          <input type="text" aria-label="Your name" maxlength="40" autocomplete="nickname" />
          <button type="submit" class="btn s">Save name</button>
          <span role="status" class="label-problem">${this.state.problem}</span>
        </form>
      </details>`;
  }
}

/**
 * Opens the campaign asked for, or the only one there is; else the list stays.
 * @param {HTMLElement} root
 * @param {(campaign: Campaign, me: Me, others: Campaign[]) => void} open
 */
export const enter = async (root, open, failed = 0) => {
  try {
    const [me, campaigns] = await Promise.all([call("GET", "/me", undefined, TIMEOUT_MS), call("GET", "/campaigns", undefined, TIMEOUT_MS)]);
    /** @type {Campaign[]} */
    const opened = campaigns.filter((/** @type {Campaign} */ one) => one.state === "open");
    const asked = new URL(location.href).searchParams.get("campaign");
    const alone = asked === null && opened.length === 1;
    const chosen = opened.find((one) => alone || String(one.id) === asked);
    if (chosen) return open(chosen, me, opened.filter((one) => one !== chosen && one.n_left_for_me > 0));
    render(html`
      <${Name} me=${me} />${asked && html`<p role="alert">Campaign ${asked} is not open to you.</p>`}`, root);
  } catch (error) {
    const silent = error instanceof NoAnswer;
    const words = silent ? "The server does not answer; this page tries again automatically." : /** @type {Error} */ (error).message;
    render(html`<p role="alert">${words}</p>`, root);
    if (silent) setTimeout(enter, patience_ms(failed + 1), root, open, failed + 1);
  }
};
