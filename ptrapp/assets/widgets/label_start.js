// Before the first pair: which campaign, and under which name.

const campaignLink = (id) => {
  const url = new URL(location.href);
  url.searchParams.set("campaign", id);
  return url.href;
};

const askedCampaign = () => new URL(location.href).searchParams.get("campaign");

const campaignList = (campaigns, canMake) => {
  if (!campaigns.length) {
    return [canMake
      ? el("p", {}, "No campaign is open. Create one on the ", el("a", { href: "campaigns" }, "Campaigns page"), ".")
      : el("p", {}, "No campaign is open at the moment, so there is nothing to label.")];
  }
  return [
    el("h2", {}, "Choose a campaign"),
    el("ul", { class: "label-campaigns" }, ...campaigns.map((campaign) => el("li", {},
      el("a", { href: campaignLink(campaign.id) }, campaign.name),
      el("span", { class: "faint" }, ` · ${campaign.aspect === "thought" ? "thoughts" : "responses"} · ${campaign.n_done_by_me} labelled by you`)))),
  ];
};

// The rater's name; a click opens a form that changes it. Votes stay with the person.
const nameLine = (me) => {
  const name = el("span", {}, me.name);
  const line = el("input", { type: "text", "aria-label": "Your name", maxlength: 40, autocomplete: "nickname" });
  const problem = el("span", { role: "status", class: "label-problem" });
  const box = el("details", { class: "label-who" }, el("summary", {}, "You are ", name), el("form", { onsubmit: async (event) => {
    event.preventDefault();
    try {
      const fresh = await ask("POST", "/me", { name: line.value.trim() });
      name.textContent = fresh.name;
      problem.textContent = "";
      box.open = false;
      box.querySelector("summary").focus();
    } catch (error) {
      problem.textContent = error.message;
    }
  } }, line, el("button", { type: "submit", class: "label-button" }, "Save name"), problem));
  box.addEventListener("toggle", () => { if (box.open) { line.value = name.textContent; line.select(); } });
  return box;
};

// Opens the campaign asked for, the only one there is, or the list.
const enter = async (root, start, tries = 0) => {
  try {
    const [me, campaigns] = await Promise.all([ask("GET", "/me"), ask("GET", "/campaigns")]);
    const opened = campaigns.filter((one) => one.state === "open");
    const asked = askedCampaign();
    const chosen = asked ? opened.find((one) => String(one.id) === asked) : asked === null && opened.length === 1 ? opened[0] : null;
    if (chosen) { start(chosen, me, opened.length > 1); return; }
    root.replaceChildren(
      el("header", { class: "label-top" }, nameLine(me)),
      ...(asked ? [el("p", { role: "alert" }, `Campaign ${asked} is not open to you.`)] : []),
      ...campaignList(opened, me.role === "admin"),
    );
  } catch (error) {
    root.replaceChildren(el("p", { role: "alert" }, error instanceof NoAnswer
      ? "The server does not answer; this page tries again automatically." : error.message));
    if (error instanceof NoAnswer) setTimeout(enter, 1000 * Math.min(2 ** tries, LONGEST_WAIT_S), root, start, tries + 1);
  }
};
