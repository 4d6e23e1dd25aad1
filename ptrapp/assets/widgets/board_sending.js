// "Send to a campaign": the board's pairs go into a campaign, for others to compare.

// Neighbours of a chain, or every two candidates: pairs that share their context.
const pairsOf = ({ mode, cells }) => {
  const ids = cells.map((cell) => cell.round_id).filter(Boolean);
  return ids.flatMap((left, at) => (mode === "refine" ? ids.slice(at + 1, at + 2) : ids.slice(at + 1))
    .map((right) => ({ left, right })));
};

const openCampaigns = async () => (await call("GET", "/campaigns")).filter((campaign) => campaign.state === "open");

const sendTo = async (campaign, board) => {
  const items = pairsOf(board);
  const { n_new: n } = await call("POST", `/campaigns/${campaign.id}/items`, { items });
  return n ? `${count(n, "comparison")} sent to “${campaign.name}”.` : `“${campaign.name}” already has these comparisons.`;
};
