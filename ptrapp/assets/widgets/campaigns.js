// The Campaigns page: what is labelled, how far it is, how well raters agree. It asks our routes for
// everything: what is in a page's configuration is seen by everybody.

const root = element.querySelector(".campaigns");
const LOOK_MS = 30_000; // progress of others; the page's own presses are seen at once

let me = null;
let panel = null;
let chosen = Number(location.hash.slice(1)) || null;

const status = statusLine();
const boxes = Object.fromEntries(["list", "detail", "about", "everything"].map((name) => [name, el("div", {})]));
boxes.detail.id = "campaign-detail";
const mayWrite = () => me.role === "admin";
const current = () => panel.campaigns.find((campaign) => campaign.id === chosen);

const refresh = async () => { panel = await call("GET", "/labelling"); draw(); };

const changeState = (campaign) => act(status, async () => {
  const state = campaign.state === "open" ? "closed" : "open";
  await call("POST", `/campaigns/${campaign.id}/state`, { state });
  await refresh();
  return `${campaign.name} is ${state}${state === "open" ? ": annotators can label it" : ": its pairs are no longer given out; its labels are kept"}.`;
});

const choose = (id) => {
  chosen = chosen === id ? null : id;
  history.replaceState(null, "", `${location.pathname}${location.search}${chosen ? `#${chosen}` : ""}`); // a bare hash would go by the page's <base>
  draw();
  boxes.detail.querySelector("h3")?.focus();
};

const measured = (path) => {
  const status = statusLine();
  const shown = el("div", { class: "measured" });
  const measure = async () => {
    status.say("Computing agreement…");
    shown.replaceChildren(...agreementReport(await call("GET", path)));
    status.say("");
  };
  const begin = () => measure().catch((error) => status.say(error.message, true));
  return { section: el("section", {}, el("h4", {}, "Agreement"), status.node, shown,
    el("div", { class: "acts" }, button("Recompute", "measure", act(status, measure)))), begin };
};

const exportLink = (campaign, what, label) =>
  el("a", { class: "act", href: `api/v1/export?${new URLSearchParams({ what, campaign: campaign.name })}`, download: "" }, label);

const orders = (mix) => MIX.filter(([key]) => mix[key] > 0).map(([key, label]) => `${label.toLowerCase()} ${mix[key]}`).join(", ");

const about = (campaign) => [el("p", { class: "faint" }, [
  `${count(campaign.n_items, "comparison")} of ${aspectWord(campaign)}${madeOf(campaign) ? ` (${madeOf(campaign)})` : ""}`,
  `${count(campaign.overlap, "person").replace("persons", "people")} per comparison`,
  campaign.budget === null ? "no budget" : `budget ${number(campaign.budget)}`,
  `sampling: ${orders(campaign.mix) || "uniform"}`,
  campaign.n_practice ? `${count(campaign.n_practice, "practice pair")} first` : "no practice",
  campaign.reveal ? "thoughts and versions revealed after the vote" : "nothing revealed",
].join(" · ")), mayWrite() && campaign.state === "open"
  ? el("div", { class: "acts" }, el("a", { class: "act main", href: `label?campaign=${campaign.id}` }, "Label this campaign")) : null];

const detail = (campaign) => {
  const status = statusLine();
  const agreement = measured(`/campaigns/${campaign.id}/agreement`);
  agreement.begin();
  const guidelines = el("div", {});
  if (mayWrite()) guidelines.append(guidelinesEditor(campaign, refresh));
  else guidelinesRead(campaign).then((section) => guidelines.append(section), (error) => status.say(error.message, true));
  const judge = button("Label with the judge", "judge", act(status, async () => {
    const { job_id: job } = await call("POST", `/campaigns/${campaign.id}/judge`, {});
    return `Job ${job} is queued: the judge labels every comparison it has not labelled yet. The Train page shows its progress.`;
  }));
  return [
    el("h3", { tabindex: "-1" }, campaign.name), boxes.about,
    el("div", { class: "acts" },
      mayWrite() ? judge : null,
      ...(mayWrite() ? [exportLink(campaign, "preferences", "Export preferences"), exportLink(campaign, "votes", "Export raw votes")] : [])),
    status.node, agreement.section, ...(mayWrite() ? [gallery(campaign), knownAnswers(campaign)] : []), guidelines,
  ];
};

const everything = () => {
  const { section, begin } = measured("/agreement");
  const box = el("details", { class: "everything" }, el("summary", {}, "All votes that training uses, from every campaign and the Play page"), section);
  box.addEventListener("toggle", () => { if (box.open) begin(); }, { once: true });
  return [box];
};

const making = () => {
  const form = el("div", {});
  const box = el("details", { class: "making", open: !panel.campaigns.length }, el("summary", {}, "New campaign"), form);
  const build = () => { if (!form.firstChild) form.append(newForm(panel.sources, async (id) => { await refresh(); if (chosen !== id) choose(id); })); };
  if (box.open) build();
  box.addEventListener("toggle", build);
  return el("section", {}, box);
};

const page = () => [
  el("section", {}, el("h3", {}, "Campaigns"), status.node, boxes.list), boxes.detail,
  ...(mayWrite() ? [making(), inviteForm()] : []),
  el("section", {}, el("h3", {}, "Agreement over all votes"), boxes.everything),
];

const draw = () => {
  if (!root.contains(boxes.list)) root.replaceChildren(...page());
  redraw(boxes.list, [panel.campaigns, chosen], () => [campaignTable(panel.campaigns, { chosen, onChoose: choose, onState: mayWrite() ? changeState : null })]);
  const campaign = current();
  // Built anew for another campaign only: what is being written in it stays.
  redraw(boxes.detail, campaign?.id ?? null, () => (campaign ? detail(campaign) : []));
  if (campaign) redraw(boxes.about, campaign, () => about(campaign));
  boxes.detail.className = campaign ? "detail" : "";
  redraw(boxes.everything, "once", everything);
};

const begin = async () => {
  root.replaceChildren(el("p", {}, "Loading…"));
  try {
    me = await call("GET", "/me");
    await refresh();
  } catch (error) {
    root.replaceChildren(el("p", { class: "bad", role: "alert" }, error.message));
    return;
  }
  let silent = false;
  setInterval(async () => {
    if (document.hidden) return;
    try { await refresh(); if (silent) status.say(""); silent = false; } catch (error) { status.say(error.message, true); silent = true; }
  }, LOOK_MS);
};

begin();
