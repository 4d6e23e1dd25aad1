// The campaigns with how far each is; a press on a name opens it below.

const CHOSEN_BY = {
  siblings: "candidates of one run", adjacent: "consecutive rounds", best_worst: "best and worst candidate by a judge’s scores",
  versions: "two versions", random: "any two responses to a prompt", imported: "imported pairs", none: "none, added through the API",
};
const aspectWord = (campaign) => (campaign.aspect === "thought" ? "thoughts" : "responses");
const madeOf = (campaign) => CHOSEN_BY[campaign.settings?.source?.kind] ?? CHOSEN_BY[campaign.settings?.kind] ?? "";

const progressOf = (campaign) => {
  const share = campaign.n_wanted ? campaign.n_done / campaign.n_wanted : 0;
  const underway = campaign.n_taken - campaign.n_done;
  return el("div", { class: "progress" },
    el("progress", { max: Math.max(campaign.n_wanted, 1), value: campaign.n_done, "aria-label": `labels done of ${campaign.name}` }),
    el("div", {}, campaign.state === "preparing" ? "comparisons are being added…"
      : `${number(campaign.n_done)} of ${count(campaign.n_wanted, "label")}${campaign.n_wanted ? ` · ${percent(share)}` : ""}${underway > 0 ? ` · ${number(underway)} in progress` : ""}`));
};

const campaignRow = (campaign, { chosen, onChoose, onState }) => el("tr", { class: campaign.id === chosen ? "chosen" : "" },
  el("td", { class: "name" },
    button(campaign.name, `open-${campaign.id}`, () => onChoose(campaign.id), { class: "link", "aria-expanded": String(campaign.id === chosen), "aria-controls": "campaign-detail" }),
    el("div", { class: "faint" }, [aspectWord(campaign), madeOf(campaign), `created ${when(campaign.created_at)}`].filter(Boolean).join(" · "))),
  el("td", {}, el("span", { class: `state ${campaign.state}` }, campaign.state)),
  el("td", { class: "wide" }, el("div", { class: "far" }, progressOf(campaign), dayBars(campaign.days))),
  el("td", { class: "who" }, campaign.n_active ? count(campaign.n_active, "rater") : "nobody", el("div", { class: "faint" }, `in ${campaign.days.length} days`)),
  el("td", {}, onState && campaign.state !== "preparing"
    ? button(campaign.state === "open" ? "Close" : "Open", `state-${campaign.id}`, onState(campaign), { "aria-label": `${campaign.state === "open" ? "Close" : "Open"} ${campaign.name}` }) : null));

const campaignTable = (campaigns, wired) => (campaigns.length
  ? el("div", { class: "table-wrap" }, table("Newest first", ["Campaign", "State", "Progress", "Active", ""], campaigns.map((campaign) => campaignRow(campaign, wired))))
  : el("p", {}, "No campaign yet. A campaign is a set of comparisons to label, with guidelines and a number of labels for each."));
