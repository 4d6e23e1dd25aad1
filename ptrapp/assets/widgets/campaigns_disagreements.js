// Comparisons on which raters disagree, with the answer of each: they show where guidelines are unclear.

const SIDE = { left: "Left is better", right: "Right is better", tie: "Tie", both_bad: "Both bad" };
const HOW_MUCH = { 1: "", 2: " (much better)", 3: " (very much better)" };

const answersOf = (said) => el("dl", { class: "facts" }, ...Object.keys(SIDE).flatMap((outcome) => {
  const those = said.filter((one) => one.outcome === outcome);
  if (!those.length) return [];
  return [el("dt", {}, SIDE[outcome]), el("dd", {}, those.map((one) =>
    `${one.rater}${one.kind === "human" ? "" : ` (${KIND[one.kind]})`}${["left", "right"].includes(outcome) ? HOW_MUCH[one.strength] : ""}`).join("; "))];
}), ...said.filter((one) => one.reason).flatMap((one) => [el("dt", {}, `${one.rater}, reason`), el("dd", { class: "written" }, one.reason)]));

const disagreementCard = (one, place) => el("article", { class: "card", "aria-label": `Disagreement ${place}` },
  ...[...one.context.map(({ role, content }) => [role, content]), ["prompt", one.prompt]].map(([who, words]) =>
    el("p", { class: "written asked" }, el("span", { class: "faint" }, `${who}: `), words)),
  el("div", { class: "sides" }, ...["left", "right"].map((which) => el("div", {}, el("h5", {}, which === "left" ? "Left" : "Right"), el("p", { class: "written", dir: "auto" }, one[which])))),
  answersOf(one.said));

const gallery = (campaign) => {
  const status = statusLine();
  const list = el("div", { class: "cards" });
  let shown = 0;
  const more = button("Show disagreements", "gallery-more", act(status, async () => {
    const page = await call("GET", `/campaigns/${campaign.id}/disagreements?offset=${shown}`);
    const first = shown;
    list.append(...page.shown.map((one, at) => disagreementCard(one, first + at + 1)));
    shown += page.shown.length;
    more.textContent = "Show more";
    more.hidden = shown >= page.n;
    return page.n ? `${shown} of ${count(page.n, "comparison")} on which raters disagree, the largest disagreement first. Left and right are in stored order; raters saw them in random order.`
      : "No two raters have given different answers.";
  }));
  return el("section", { class: "gallery" }, el("h4", {}, "Disagreements"), status.node, list, el("div", { class: "acts" }, more));
};
