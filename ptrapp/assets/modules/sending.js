// @ts-check
// "Send to a campaign": the board's pairs go into a campaign, for others to compare.

import { call } from "./requests.js";
import { count } from "./words.js";

/**
 * Returns neighbours of a chain, or every two candidates: pairs that share their context.
 * @param {{ mode: string, cells: { round_id: number | null }[] }} run
 */
export const pairsOf = ({ mode, cells }) => {
  const ids = cells.map((cell) => cell.round_id).filter(Boolean);
  return ids.flatMap((left, at) => {
    const others = mode === "refine" ? ids.slice(at + 1, at + 2) : ids.slice(at + 1);
    return others.map((right) => ({ left, right }));
  });
};

/** @returns {Promise<Named[]>} */
export const openCampaigns = async () =>
  (await call("GET", "/campaigns")).filter((/** @type {any} */ one) => one.state === "open");

/** Returns what came of it, in words. @param {Named} campaign @param {any} run */
export const sendTo = async (campaign, run) => {
  const items = pairsOf(run);
  const { n_new: n, n_left_out: out, note } = await call("POST", `/campaigns/${campaign.id}/items`, { items });
  if (n) return `${count(n, "comparison")} sent to “${campaign.name}”. ${note}`.trim();
  return out < items.length ? `“${campaign.name}” already has ${out ? "the rest" : "these comparisons"}. ${note}`.trim() : note;
};
