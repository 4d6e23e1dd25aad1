// @ts-check
// Texts around the pair: practice and its feedback, why there is no pair, what is saved.

import { IN_WORDS, inWords } from "../answers.js";
import { html } from "../html.js";
import { count } from "../words.js";
import { Rendered } from "../rendered.js";
import { campaignLink } from "./start.js";

const MOST_OFFERED = 3;
/** @type {Record<string, string>} */
const SAVED = { skip: "Pair skipped", reason: "Reason saved" };

/** What is heard of what was saved, beside a vote; the same words again differ, or nobody would hear them. @param {string} kind @param {string} before */
export const savedAloud = (kind, before) => {
  const words = SAVED[kind] ?? before;
  return kind in SAVED && words === before ? `${words}\u00a0` : words;
};

/** @param {{ right: boolean, expected: Outcome } | undefined} result */
export const feedbackWords = (result) => {
  if (!result) return "Saved.";
  return result.right ? `Correct: ${IN_WORDS[result.expected]}.` : `Expected answer: ${IN_WORDS[result.expected]}.`;
};

/** @param {number} all @param {number} left */
const practiceWords = (all, left) => {
  const n = Math.max(all, left);
  return `Practice ${Math.min(n, n - left + 1)} of ${n}: your answer does not count, and the expected answer is shown afterwards.`;
};

/** @param {Desk} desk */
const bannerWords = ({ feedback, pair, campaign, practiceLeft }) => {
  if (feedback) return feedback.words ?? "Waiting for the explanation from the server…";
  if (pair?.practice) return practiceWords(campaign.n_practice, practiceLeft);
  if (pair && !pair.was && pair.left.text.trim() === pair.right.text.trim()) return "Both say the same words: it is a tie.";
  return pair?.was ? `Your earlier answer: ${inWords(pair.was, pair.was_much)}. Answer again.` : "";
};

export const Banner = (/** @type {OfDesk} */ { desk }) => {
  const words = bannerWords(desk);
  const { feedback } = desk;
  const tone = feedback?.words ? (feedback.right === false ? " wrong" : " right") : "";
  return html`
    <div class=${`label-banner${tone}`} role="status" hidden=${!words}>
      <strong>${words}</strong>${feedback?.markup && html`<${Rendered} name="label-text" markup=${feedback.markup} />`}
    </div>`;
};

/** Why there is no pair. @param {{ refused: string | null, finished: boolean, trouble: string | null, looked: boolean }} queue @param {number} done */
export const emptyWords = (queue, done) => {
  if (queue.refused) return queue.refused;
  if (queue.finished && !done) return "No pair of this campaign is there for you to label.";
  if (queue.finished) return `You have labelled every pair that is available to you: ${count(done, "pair")}. Thank you.`;
  if (queue.trouble) return `${queue.trouble} The next pair appears by itself; your answers are saved in this browser.`;
  if (queue.looked) return "Every remaining pair is with somebody else at the moment. One that comes back appears here by itself.";
  return "Loading the next pair…";
};

/** Where there is no pair: why, and the campaigns where something is left. */
export const Empty = (/** @type {OfDesk} */ { desk: { queue, done, others, shown, feedback } }) => {
  const away = Boolean(shown || feedback);
  const idle = queue.looked || queue.refused;
  return html`
    <div class="label-empty" role="status" hidden=${away}>
      <p>${!away && emptyWords(queue, done)}</p>
      ${queue.refused && html`<button type="button" class="btn s" onClick=${() => queue.again()}>Try again</button>`}
      ${idle && html`
        <p>
          ${others.slice(0, MOST_OFFERED).map((one) => html`
            <a class="btn" href=${campaignLink(one.id)}>${one.name} (${one.n_left_for_me} left)</a>`)}
          <a class="btn quiet" href=${campaignLink("")}>Home</a>
        </p>`}
    </div>`;
};

/** What of the answers is saved. @param {{ waiting: { kind: string }[], trouble: string | null, isSlow: boolean }} outbox */
export const savedWords = ({ waiting, trouble, isSlow }) => {
  const words = count(waiting.length, waiting.every(({ kind }) => kind === "vote") ? "vote" : "answer");
  if (waiting.length && trouble) return `${words} waiting: ${trouble.replace(/\.$/, "")}`;
  return waiting.length && isSlow ? `sending ${words}` : "all saved";
};

export const Status = (/** @type {OfDesk} */ { desk: { notice, done, outbox, queue, pace } }) => {
  const { waiting, trouble } = outbox;
  const words = waiting.length || !queue.trouble ? savedWords(outbox) : queue.trouble;
  return html`
    <p class="label-status">
      ${notice && html`
        <span key="notice" class=${notice.bad ? "bad" : ""} role=${notice.bad ? "alert" : "status"}>${notice.text}</span> · `}
      ${done} done · <span key="saved" class=${trouble || queue.trouble ? "bad" : ""} data-part="stored">${words}</span>
      ${pace.words && ` · ${pace.words}`}
    </p>`;
};
