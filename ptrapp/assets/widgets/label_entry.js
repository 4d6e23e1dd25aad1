// Before the first pair: which campaign, and under which name.

const campaignLink = (id) => {
  const url = new URL(location.href);
  url.searchParams.set("campaign", id);
  return url.href;
};

const askedCampaign = () => new URL(location.href).searchParams.get("campaign");

const campaignList = (campaigns, canMake) => {
  if (!campaigns.length) {
    return [el("p", {}, canMake
      ? "No campaign is open. Start one with POST /api/v1/campaigns: its name and where its pairs come from."
      : "There is nothing to label at the moment: no campaign is open. Come back when one is.")];
  }
  return [
    el("h2", {}, "Choose a campaign"),
    el("ul", { class: "label-campaigns" }, ...campaigns.map((campaign) => el("li", {},
      el("a", { href: campaignLink(campaign.id) }, campaign.name),
      el("span", { class: "faint" }, ` · ${campaign.aspect === "thought" ? "thoughts" : "responses"} · ${campaign.n_done_by_me} done by you`)))),
  ];
};

// One's name, small; a click opens the line to change it. Votes follow the person, not the word.
const nameLine = (me, onChange) => {
  const name = el("span", {}, me.name);
  const line = el("input", { type: "text", "aria-label": "Your name", maxlength: 64, autocomplete: "nickname" });
  const told = el("span", { role: "status", class: "label-problem" });
  const box = el("details", { class: "label-who" }, el("summary", {}, "You are ", name), el("form", { onsubmit: async (event) => {
    event.preventDefault();
    try {
      const fresh = await ask("POST", "/me", { name: line.value.trim() });
      name.textContent = fresh.name;
      told.textContent = "";
      box.open = false;
      box.querySelector("summary").focus();
      onChange(fresh);
    } catch (error) {
      told.textContent = error.message;
    }
  } }, line, el("button", { type: "submit", class: "label-button" }, "Use this name"), told));
  box.addEventListener("toggle", () => { if (box.open) { line.value = name.textContent; line.select(); } });
  return box;
};
