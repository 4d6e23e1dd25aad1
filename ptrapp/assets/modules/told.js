// @ts-check
// What is said below the board, and to who hears the page: a vote, what it counts towards, judges.

import { betterBy, cellOf, inWords, votesOn } from "./run.js";
import { count } from "./words.js";

const JUDGEMENTS_SHOWN = 2; // the newest
const NOT_BLIND = " (not blind: you had seen a thought, who wrote it, or a verdict)";

/** The last vote on a run; nothing where there is none. @param {Run} run */
export const voteInWords = (run) => {
  const last = votesOn(run).at(-1);
  if (!last || !cellOf(run, last.left) || !cellOf(run, last.right)) return "";
  return `Your vote: ${inWords(run, last, betterBy(last))}${last.blind ? "" : NOT_BLIND}.`;
};

/** Says what judges said, the newest last. @param {Run} run */
export const judgements = (run) =>
  run.comparisons
    .filter((one) => one.judge && one.outcome && cellOf(run, one.left) && cellOf(run, one.right))
    .slice(-JUDGEMENTS_SHOWN)
    .map((one) => {
      const judge = String(one.judge).replace(/^judge:/, "");
      return `The judge (${judge}) says ${inWords(run, one)}; this is stored as the judge's vote. ${one.rationale ?? ""}`.trim();
    });

/**
 * Says what a vote counts towards.
 * @param {{ version: string, n_new: number, train_every: number | null, n_enough: number }} counts
 */
export const countsInWords = ({ version, n_new: n, train_every: every, n_enough: enough }) => {
  if (!n) return "A tie or two bad answers teach only forms that use them.";
  const has = `${count(n, "preference")} that ${version} has not learnt.`;
  if (every) {
    const next = n < every ? `${every - n} more, and a training starts by itself.` : "A training is queued.";
    return `${has} ${next}`;
  }
  return n < enough ? `${has} From ${enough} on, what is trained may serve by itself.` : `${has} Enough to train on.`;
};
