// @ts-check
// What a key does on the board.

import { choose, decide, letJudge, putBack, send, sendNowhere, stop, undo } from "./board_asking.js";
import { finished, numberOf } from "./run.js";

/** @type {Record<string, Outcome>} */
const DECISIONS = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", x: "both_bad" };
const SIDED = new Set(["left", "right"]); // of which one may be much better
const NO_JUDGE = "The verifier needs a reference answer, and this prompt has none.";

/**
 * Returns what a key does; nothing where it does nothing.
 * @param {Board} board @param {Pick<KeyboardEvent, "key" | "shiftKey">} press
 */
export const actionOf = (board, { key: pressed, shiftKey }) => {
  const key = pressed.length === 1 ? pressed.toLowerCase() : pressed; // with Caps Lock too
  const { run, readOnly, now: { offer, sendable } } = board;
  if (key === "d" && !offer) return () => board.set({ showChanges: !board.showChanges });
  if (readOnly) return undefined;
  if (offer) {
    const outcome = DECISIONS[key];
    if (outcome) return () => (board.quiet.isNow ? board.quiet.refuse() : decide(board, outcome, shiftKey && SIDED.has(outcome) ? 2 : 1));
    if (key === "j") return () => (run.judge ? letJudge(board) : board.say(NO_JUDGE));
    return key === "Escape" ? () => putBack(board) : undefined;
  }
  const done = finished(run);
  const cell = done.length > 1 ? done.find((one) => String(numberOf(run, one)) === key) : undefined;
  if (cell) return () => choose(board, cell);
  if (key === "u") return () => undo(board);
  if (run.state === "running") return key === "Escape" ? () => stop(board) : undefined;
  if (key === "Escape" && sendable.length) return () => sendNowhere(board);
  if (key === "l" && done.length > 1) return () => send(board);
  const again = key === "r" && board.composer.isFolded && run.settings.thinking;
  return again ? () => board.composer.askAgain() : undefined;
};
