// @ts-check
// The buttons under the pair: everything a key does, for a mouse, a finger or a switch. They keep
// their places: what cannot be pressed now is pale, and says why when it is pressed.

import { isAnswer, SCALE } from "../answers.js";
import { html, icon } from "../html.js";
import { ReasonLine } from "./reason.js";
import { Status } from "./told.js";

/** @type {[string, Parameters<typeof icon>[0], string][]} */
const OTHERS = [
  ["both_bad", "x", "Both bad"], ["skip", "skip", "Skip"], ["undo", "undo", "Undo"], ["reason", "why", "Why"],
  ["diff", "diff", "Diff"], ["flag", "flag", "Flag"], ["reveal", "lock", "Reveal"],
];
/** @type {Record<string, string>} */
const SIDES = { left: "A ", right: "B ", tie: "" };

const ofPair = (/** @type {string} */ action) => isAnswer(action) || ["skip", "flag", "diff"].includes(action);

const Button = (/** @type {OfDesk & { action: string, strength?: number, look?: string, children?: any }} */ { action, strength = 1, desk, look = "btn quiet s", children }) => {
  const { pair, lit, last, busy, keys } = desk;
  const off = busy || (ofPair(action) && !pair && !lit) || (["reason", "reveal"].includes(action) && !last);
  const hit = lit?.outcome === action && lit.strength === strength;
  const was = pair?.was === action && strength === (pair.was_much ? 2 : 1);
  /** @type {Record<string, boolean>} */
  const pressed = { flag: desk.flagged, diff: desk.showDiff };
  return html`
    <button type="button" class=${`${look}${hit ? " hit" : ""}${was ? " was" : ""}`}
      data-part=${strength > 1 ? `${action}-much` : action} aria-disabled=${String(off)}
      aria-pressed=${action in pressed ? String(pressed[action]) : null} onClick=${() => desk.act(action, strength)}>
      ${children}<kbd class="kbd" aria-hidden="true">${strength > 1 ? "⇧" : ""}${keys.sign(action)}</kbd>
    </button>`;
};

const Why = (/** @type {OfDesk} */ { desk }) => html`
  <${ReasonLine} line=${desk.line} type=${(/** @type {Desk["line"]} */ line) => { desk.line = line; }}
    save=${(/** @type {ReasonLine} */ { key, words, text, isFlag }) => desk.outbox.put(isFlag
      ? { kind: "flag", about: key, body: { flagged: true, note: text } }
      : { kind: "reason", about: key, words, body: { text } })}
    close=${() => { desk.line = null; desk.focus("[data-part=reason]"); }} />`;

export const Bar = (/** @type {OfDesk} */ { desk }) => html`
  <div class=${`label-bar${desk.quiet.isSeen ? " early" : ""}`}>
    <div class="label-why"><${Why} desk=${desk} /></div>
    <p class="label-refusal" role="status">${desk.quiet.words}</p>
    <p class="label-hint">Swipe left if A is better, right if B is better</p>
    <div class="label-keyed">
      <div class=${`label-answers${desk.feedback ? " away" : ""}`} role="group" aria-label="Which is better?">
        ${SCALE.map(([outcome, strength, sign, words]) => html`
          <${Button} action=${outcome} strength=${strength} desk=${desk} look="label-answer">
            <b aria-hidden="true">${sign}</b>
            <small><span class="label-unseen">${SIDES[outcome]}</span>${words}</small>
          </${Button}>`)}
      </div>
      ${desk.feedback && html`
        <button type="button" class="label-answer label-go" data-part="go-on" onClick=${() => desk.goOn()}>
          Continue<kbd class="kbd" aria-hidden="true">Enter</kbd>
        </button>`}
    </div>
    <div class="label-others" role="group" aria-label="More">
      ${OTHERS.filter(([action]) => action !== "reveal" || desk.campaign.reveal).map(([action, sign, words]) => html`
        <${Button} action=${action} desk=${desk}>${icon(sign)}<span>${words}</span></${Button}>`)}
    </div>
    <${Status} desk=${desk} />
  </div>`;
