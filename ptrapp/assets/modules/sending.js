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
  const { n_new: n } = await call("POST", `/campaigns/${campaign.id}/items`, { items: pairsOf(run) });
  if (!n) return `“${campaign.name}” already has these comparisons.`;
  return `${count(n, "comparison")} sent to “${campaign.name}”.`;
};
