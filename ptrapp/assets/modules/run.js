// @ts-check
// A run as the server tells it (services/board.py), and what its parts are called.

import { addressTo } from "./page.js";
import { count } from "./words.js";

/** Which round or candidate a cell is, from 1: its number, and the key that chooses it. @param {Run} run @param {Cell} cell */
export const numberOf = (run, cell) => 1 + (run.mode === "refine" ? cell.index : cell.candidate);

/** @param {Run} run @param {Cell} cell */
export const nameOf = (run, cell) => `${run.mode === "refine" ? "Round" : "Candidate"} ${numberOf(run, cell)}`;

/** Where a cell stands, for good. @param {Run} run @param {Cell} cell */
export const keyOf = (run, cell) => `${run.run_id}/${cell.index}:${cell.candidate}`;

/** @param {Run} run @param {number} id @returns {Cell | undefined} */
export const cellOf = (run, id) => run.cells.find((cell) => cell.round_id === id);

/** @param {Run} run */
export const finished = (run) => run.cells.filter((cell) => cell.round_id);

/** Says how a run ended. @param {Run} run */
export const endInWords = (run) =>
  `${run.state === "done" ? "Done" : run.state}: ${count(finished(run).length, run.mode === "refine" ? "round" : "candidate")}.`;

/** A person's decisions, oldest first. @param {Run} run */
export const votesOn = (run) => run.comparisons.filter((one) => one.outcome && !one.judge);

/** Marks stand on the cards as soon as rounds are stored. @param {Run} run */
export const marksSeen = (run) => Boolean(run.reference_answer);

/** Whether two answers are the same words: then there is nothing to prefer. @param {Cell} one @param {Cell} other */
export const sameWords = (one, other) => one.response.trim() === other.response.trim();

/** Whether each candidate is another version's, chosen by the person. @param {Run} run */
export const isOfVersions = (run) => Boolean(run.settings.versions?.length);

/**
 * Says a decision on two rounds of the run.
 * @param {Run} run @param {Pick<Comparison, "outcome" | "left" | "right">} one @param {string} [better]
 */
export const inWords = (run, { outcome, left, right }, better = "better") => {
  const [one, other] = [left, right].map((id) => nameOf(run, /** @type {Cell} */ (cellOf(run, id))));
  if (outcome === "left") return `${one} is ${better}`;
  if (outcome === "right") return `${other} is ${better}`;
  return outcome === "tie" ? `${one} and ${other} tie` : "both are bad";
};

/** @param {{ strength: number }} vote */
export const betterBy = ({ strength }) => (strength > 1 ? "much better" : "better");

/** Puts the link by which others read a run into the clipboard, where the browser lets it. @param {number | string} run */
export const copyLink = async (run) => {
  const address = addressTo(`./?run=${run}&read=1`).href;
  const copied = await navigator.clipboard.writeText(address).then(() => true, () => false);
  return { address, copied };
};
