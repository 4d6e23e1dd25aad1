// @ts-check
// The bar at the foot: which two are compared, the five answers to a pair, what a vote counts towards.

import { SCALE } from "./answers.js";
import { decide, letJudge, putBack, send, sendHere, sendNowhere, undo } from "./board_asking.js";
import { html } from "./html.js";
import { finished, marksSeen, sameWords, votesOn } from "./run.js";
import { countsInWords, judgements, voteInWords } from "./told.js";

const KEYS = ["⇧ ←", "←", "↓", "→", "⇧ →"]; // of the scale
/** @type {Record<string, string>} */
const SIDES = { left: "A is ", right: "B is ", tie: "" };

export const Foot = (/** @type {OfBoard} */ { board }) => {
  const { run, pair, quiet, now: { sendable } } = board;
  const notice = quiet.words ? { text: quiet.words, bad: false } : board.now.notice;
  const canCompare = finished(run).length > 1 && !board.readOnly;
  return html`
    ${pair ? html`<${Voting} board=${board} />` : canCompare && html`<${Resting} board=${board} />`}
    ${sendable.length > 0 && html`
      <div class="bar-more" role="group" aria-label="Send to which campaign?">
        <span>Send these pairs to</span>
        ${sendable.map((campaign) => html`
          <button type="button" class="btn s" data-part=${`campaign ${campaign.id}`}
            onClick=${() => sendHere(board, campaign)}>${campaign.name}</button>`)}
        <button type="button" class="btn s quiet" onClick=${() => sendNowhere(board)}>Not now</button>
      </div>`}
    ${!pair && judgements(run).map((words) => html`<p class="bar-judge">${words}</p>`)}
    ${notice && html`
      <p class=${`bar-notice${notice.bad ? " bad" : ""}`} role=${notice.bad ? "alert" : null}>${notice.text}</p>`}`;
};

/** @param {{ label: string, key_: string, action: () => void, title?: string }} props */
const Key = ({ label, key_, action, title = "" }) => html`
  <button type="button" class="btn quiet s" data-part=${key_} title=${title} onClick=${action}>
    ${label}<kbd>${key_.length === 1 ? key_.toUpperCase() : key_}</kbd>
  </button>`;

const Voting = (/** @type {OfBoard} */ { board }) => {
  const { run, pair } = board;
  const same = pair !== null && sameWords(pair.left, pair.right);
  const seen = run.reference_answer ? " and the reference answer" : "";
  return html`
    <p class="bar-title">
      ${same ? "Both say the same words: it is a tie." : "Which response is better?"}
      <small class="wide"> Thoughts, rounds and marks are covered until you vote.</small>
    </p>
    <div class="votes" role="group" tabindex="-1" aria-label="Which response is better?">
      ${SCALE.map(([outcome, strength, sign, words], at) => html`
        <button type="button" class=${`vote${same && outcome === "tie" ? " offered" : ""}`} data-part=${KEYS[at]} aria-label=${`${SIDES[outcome]}${words}`}
          onClick=${() => decide(board, outcome, strength)}>
          <b>${sign}</b><small>${words}</small><kbd>${KEYS[at]}</kbd>
        </button>`)}
    </div>
    <div class="bar-more">
      <${Key} label="Both bad" key_="x" action=${() => decide(board, "both_bad")} />
      ${run.judge && html`
        <${Key} label="Ask the judge" key_="j" action=${() => letJudge(board)}
          title=${`${run.judge} sees the two responses${seen}, no thought`} />`}
      <${Key} label="Back" key_="Esc" action=${() => putBack(board)} />
      ${marksSeen(run) && html`<small>You saw ✓ and ✗ before this: your vote is stored with a note of that.</small>`}
    </div>`;
};

const Resting = (/** @type {OfBoard} */ { board }) => {
  const { run, now: { chosen, counted } } = board;
  const said = voteInWords(run);
  const next = chosen.length === 1 ? " Choose a second one." : said ? "" : "Which is better?";
  return html`
    <div class="bar-line">
      <p class="bar-title" tabindex="-1">
        ${said}${next}
        ${!said && !chosen.length && html`
          <small class="wide">Choose two: press Compare, or the number keys of two.</small>`}
        ${counted && said && html`<small>${countsInWords(counted)} <a href="train">Train</a></small>`}
      </p>
      <div class="bar-more">
        ${votesOn(run).length > 0 && html`<${Key} label="Undo" key_="u" action=${() => undo(board)} />`}
        ${run.state !== "running" && html`
          <${Key} label="Send to a campaign" key_="l" action=${() => send(board)}
            title="adds these pairs to a labelling campaign" />`}
      </div>
    </div>`;
};
