// @ts-check
// What a person does with the run on the board: each asks the server, and draws what came of it.

import { call, freshId, NoAnswer } from "./requests.js";
import { copyLink, keyOf, marksSeen } from "./run.js";
import { openCampaigns, sendTo } from "./sending.js";
import { speak } from "./spoken.js";
import { judgements, voteInWords } from "./told.js";

const RETRIES = 3;
const RETRY_MS = 500;

/** @param {Board} board @param {Cell} cell */
export const choose = (board, cell) => board.attempt(async () => {
  if (board.now.offer) await putAside(board);
  const id = /** @type {number} */ (cell.round_id);
  const { chosen } = board.now;
  Object.assign(board.now, { notice: null, picked: id });
  board.now.chosen = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-2);
  if (board.now.chosen.length === 2) await openPair(board);
  board.draw();
  if (board.now.chosen.length === 1) speak("Choose a second one.");
});

/** @param {Board} board */
const openPair = async (board) => {
  const order = board.run.cells.map((cell) => cell.round_id);
  const pair = [...board.now.chosen].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const [left, right] = Math.random() < 0.5 ? pair : pair.reverse(); // sides by chance: A is no round
  const { key } = await call("POST", "/comparisons", { left, right });
  board.compare({ key, left, right });
  await board.refresh();
  speak("Which response is better, A or B?");
};

/** @param {Board} board */
const putAside = async (board) => {
  const { offer } = board.now;
  if (!offer) return;
  Object.assign(board.now, { offer: null, chosen: [] });
  await call("POST", "/comparisons/dismiss", { key: offer.key });
  await board.refresh();
};

/** @param {Board} board */
export const putBack = (board) => board.attempt(async () => {
  await putAside(board);
  speak("The pair is put aside.");
  board.focus(`.pick[data-round="${board.now.picked}"]`, ".bar-title");
});

/** @param {Board} board @param {Outcome} outcome */
export const decide = (board, outcome, strength = 1) => board.attempt(async () => {
  const { run, quiet, now: { offer } } = board;
  if (!offer) return;
  const client = marksSeen(run) ? "board, marks seen" : "board";
  const { counts, note } = await sendVote({ key: offer.key, outcome, strength, client, decided_ms: quiet.decided_ms });
  const said = note ? { counted: null, notice: { text: note, bad: false } } : { counted: counts, notice: null };
  Object.assign(board.now, { offer: null, chosen: [], ...said });
  await board.refresh();
  speak(note ?? voteInWords(board.run));
});

/** The same key is stored once, so that sending again is safe. @param {object} decision */
const sendVote = async (decision, retry = 0) => {
  try {
    return await call("POST", "/votes", decision);
  } catch (error) {
    if (retry === RETRIES || !(error instanceof NoAnswer)) throw error;
    await new Promise((resume) => setTimeout(resume, RETRY_MS * 2 ** retry));
    return sendVote(decision, retry + 1);
  }
};

/** On the run that is shown: a vote on another one is not seen here. @param {Board} board */
export const undo = (board) => board.attempt(async () => {
  const { undone } = await call("POST", "/votes/undo", { key: freshId(), run_id: board.run.run_id });
  board.now.counted = null;
  board.say(undone === null ? "You have no vote on this run." : "Your last vote on this run is undone.");
  await board.refresh();
});

/** What it said stands in the bar, with the board. @param {Board} board */
export const letJudge = (board) => board.attempt(async () => {
  const { offer } = board.now;
  if (!offer) return;
  await call("POST", "/comparisons/judge", { left: offer.left, right: offer.right });
  board.now.notice = null;
  await putAside(board);
  speak(judgements(board.run).at(-1) ?? "");
});

/** @param {Board} board @param {Cell} cell */
export const toggleThought = (board, cell) => {
  const key = keyOf(board.run, cell);
  if (cell.thought === null) return openThought(board, cell);
  if (!board.folded.delete(key)) board.folded.add(key);
  board.draw();
};

/** @param {Board} board @param {Cell} cell */
const openThought = (board, cell) => board.attempt(async () => {
  const { round_id: id, index, candidate } = cell;
  if (id) await call("POST", `/rounds/${id}/thought`);
  else await call("POST", `/runs/${board.run.run_id}/watch`, { index, candidate });
  board.now.notice = null;
  board.folded.delete(keyOf(board.run, cell));
  await board.refresh();
});

/** The person says to which campaign, of one too: what was sent is not taken back. @param {Board} board */
export const send = (board) => board.attempt(async () => {
  if (board.now.sendable.length) return sendNowhere(board);
  const campaigns = await openCampaigns();
  if (!campaigns.length) return board.say("No campaign is open. Create one on the Campaigns page, then send these pairs to it.", true);
  Object.assign(board.now, { sendable: campaigns, notice: null });
  board.draw();
  /** @type {HTMLElement | null} */ (board.root.querySelector("[data-part^=campaign]"))?.focus();
});

/** @param {Board} board */
export const sendNowhere = (board) => {
  board.now.sendable = [];
  board.draw();
};

/** @param {Board} board @param {Named} campaign */
export const sendHere = (board, campaign) => board.attempt(async () => {
  board.now.sendable = [];
  board.say(await sendTo(campaign, board.run));
});

/** @param {Board} board */
export const stop = (board) => board.attempt(() => call("POST", `/runs/${board.run.run_id}/stop`));

/** @param {Board} board */
export const star = (board) => {
  const starred = !board.run.starred;
  return keep(board, `/runs/${board.run.run_id}/about`, { starred }, starred ? "Starred: History finds it." : "The star is taken away.");
};

/** @param {Board} board */
export const pin = (board) => {
  const { run_id, pin_id } = board.run;
  if (pin_id !== null) return keep(board, `/pins/${pin_id}/remove`, {}, "Not pinned any more; what was answered stays.");
  return keep(board, "/pins", { run_id }, "Pinned: each version answers this prompt, side by side on Versions.");
};

/** @param {Board} board @param {string} path @param {object} body @param {string} words */
const keep = (board, path, body, words) => board.attempt(async () => {
  await call("POST", path, body);
  await board.refresh();
  board.say(words);
});

/** @param {Board} board */
export const link = (board) => board.attempt(async () => {
  const { address, copied } = await copyLink(board.run.run_id);
  board.say(copied ? "The link is copied: whoever may read results opens this run with it, and cannot change it." : address);
});
