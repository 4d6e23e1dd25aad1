// @ts-check
// The job in the bar: what runs, how far it is, how long it takes; and one that has just ended.

import { html } from "./html.js";
import { addressOf } from "./pages.js";
import { timeLeft } from "./words.js";

/** @type {Record<string, string>} */
const KINDS = {
  dpo: "DPO", mask_sft: "Mask-SFT", ptr_data: "Refinement data", tpo: "TPO",
  reward_model: "Reward model", evaluate: "Evaluation", judge: "Judging",
};
/** @type {Record<string, string>} */
const ENDS = { done: "is done", failed: "has failed", cancelled: "was cancelled" };

const kindOf = (/** @type {{ kind: string }} */ job) => KINDS[job.kind] ?? job.kind;

/** @param {{ id: number }} job */
export const jobAddress = (job) => `${addressOf("Train")}?job=${job.id}`;

/** @param {{ job: Job }} props */
export const RunningJob = ({ job }) => {
  const share = job.share === null ? "runs" : `${Math.round(100 * job.share)} %`;
  const eta = job.eta_s === null ? "" : `· ${timeLeft(job.eta_s)}`;
  const more = job.n_waiting ? ` · ${job.n_waiting} more` : "";
  return html`
    <a class="barchip job" href=${jobAddress(job)} title=${`Job ${job.id}: ${kindOf(job)}`}>
      <span class="ring" style=${`--p: ${100 * (job.share ?? 0)}`} aria-hidden="true"></span>
      <span class="roomy">${kindOf(job)}</span>${job.status === "queued" ? "waits" : share}
      <span class="roomy">${eta}${more}</span>
    </a>`;
};

/** Says how a job ended. @param {{ id: number, kind: string, status: string }} job */
export const endInWords = (job) =>
  `${kindOf(job)} (job ${job.id}) ${ENDS[job.status] ?? job.status}.`;

/**
 * Marks the window's title until it is looked at, and uses the browser's own notice where the
 * person has allowed them: for somebody who is at another window.
 * @param {string} words
 */
export const tellElsewhere = (words) => {
  if (!document.hidden) return;
  const title = document.title;
  document.title = `● ${title}`;
  const restore = () => { document.title = title; };
  document.addEventListener("visibilitychange", restore, { once: true });
  if (window.Notification?.permission === "granted") new Notification("Thrice", { body: words });
};
