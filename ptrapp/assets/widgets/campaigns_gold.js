// The comparisons of a campaign whose answer is known: gold, and those a new rater practises on.

const knownCard = (one) => el("article", { class: "card" },
  el("p", {}, el("span", { class: `state ${one.kind}` }, one.kind), ` ${SIDE[one.gold]}`),
  el("p", { class: "written asked" }, one.prompt),
  el("div", { class: "sides" }, ...["left", "right"].map((which) => el("div", {}, el("h5", {}, which === "left" ? "Left" : "Right"), el("p", { class: "written", dir: "auto" }, one[which])))),
  one.explanation ? el("p", { class: "written" }, el("span", { class: "faint" }, "explanation: "), one.explanation) : null);

const knownAnswers = (campaign) => {
  const status = statusLine();
  const list = el("div", { class: "cards" });
  const box = el("details", {}, el("summary", {}, "Gold and practice comparisons"), status.node, list,
    el("p", { class: "faint" }, `They are added by the API: POST /api/v1/campaigns/${campaign.id}/items with the ids of two rounds and which is better (gold, explanation, practice).`));
  box.addEventListener("toggle", async () => {
    if (!box.open) return;
    try {
      const known = await call("GET", `/campaigns/${campaign.id}/items`);
      list.replaceChildren(...known.map(knownCard));
      status.say(known.length ? `${count(known.length, "comparison")} with a known answer, newest first.` : "No comparison with a known answer yet.");
    } catch (error) { status.say(error.message, true); }
  });
  return el("section", {}, box);
};
