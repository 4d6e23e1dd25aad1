// Before the first pair: which campaign, and under which name. The server draws the list of them.

const campaignLink = (id) => {
  const url = new URL(location.href);
  url.searchParams.set("campaign", id);
  return url.href;
};

const askedCampaign = () => new URL(location.href).searchParams.get("campaign");

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
  } }, line, el("button", { type: "submit", class: "btn s" }, "Save name"), problem));
  box.addEventListener("toggle", () => { if (box.open) { line.value = name.textContent; line.select(); } });
  return box;
};

// One thin line: how many are done, of how many, and how long the rest takes.
const openWhere = () => {
  const meter = el("progress", { class: "label-meter", max: 1, value: 0, "aria-label": "Done in this campaign" });
  const node = el("p", { class: "label-where" });
  return {
    meter, node,
    draw: (done, total, median_s) => {
      meter.max = Math.max(1, total);
      meter.value = done;
      const left_s = (total - done) * (median_s ?? 0);
      const time = left_s ? ` · about ${left_s < 90 ? "1 min" : left_s < 5400 ? `${Math.round(left_s / 60)} min` : `${(left_s / 3600).toFixed(1)} h`}` : "";
      node.replaceChildren(`${done} of ${total}`, el("span", { class: "label-wide" }, time));
    },
  };
};

// Opens the campaign asked for, or the only one there is; else the list stays.
const enter = async (root, start, tries = 0) => {
  try {
    const [me, campaigns] = await Promise.all([ask("GET", "/me"), ask("GET", "/campaigns")]);
    const opened = campaigns.filter((one) => one.state === "open");
    const asked = askedCampaign();
    const chosen = asked ? opened.find((one) => String(one.id) === asked) : asked === null && opened.length === 1 ? opened[0] : null;
    if (chosen) { start(chosen, me, opened.filter((one) => one !== chosen && one.n_left_for_me > 0)); return; }
    root.replaceChildren(nameLine(me), ...(asked ? [el("p", { role: "alert" }, `Campaign ${asked} is not open to you.`)] : []));
  } catch (error) {
    root.replaceChildren(el("p", { role: "alert" }, error instanceof NoAnswer
      ? "The server does not answer; this page tries again automatically." : error.message));
    if (error instanceof NoAnswer) setTimeout(enter, 1000 * Math.min(2 ** tries, LONGEST_WAIT_S), root, start, tries + 1);
  }
};
