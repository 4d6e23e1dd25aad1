// The guidelines of a campaign: read by those who label it, written here, seen as they will see them.

// The server makes and sanitises this HTML; here and nowhere else does HTML enter this page.
const setHtml = (node, html) => { const template = document.createElement("template"); template.innerHTML = html; node.replaceChildren(template.content); };

// A text area with a button that shows it as the Label page will.
const guidelinesField = (text, status) => {
  const area = el("textarea", { rows: 7, maxlength: 20000, spellcheck: "true", "aria-label": "Guidelines, in Markdown" });
  area.value = text;
  const shown = el("div", { class: "rendered preview", hidden: true });
  const look = button("Preview the guidelines", "guidelines-preview", async () => {
    if (!shown.hidden) { shown.hidden = true; look.textContent = "Preview the guidelines"; look.setAttribute("aria-expanded", "false"); return; }
    try {
      setHtml(shown, (await call("POST", "/guidelines/preview", { guidelines: area.value })).html);
      shown.hidden = false;
      look.textContent = "Hide the preview";
      look.setAttribute("aria-expanded", "true");
    } catch (error) { status.say(error.message, true); }
  }, { "aria-expanded": "false" });
  return { area, look, shown };
};

const guidelinesEditor = (campaign, onSaved) => {
  const status = statusLine();
  const { area, look, shown } = guidelinesField(campaign.guidelines, status);
  const save = button("Save the guidelines", "guidelines-save", act(status, async () => {
    await call("POST", `/campaigns/${campaign.id}/guidelines`, { guidelines: area.value });
    await onSaved();
    return "Saved. Raters see them when they next open the Label page.";
  }));
  return el("section", { class: "guidelines" }, el("h4", {}, "Guidelines"),
    el("p", { class: "faint" }, "Markdown. Shown beside every comparison."), area, el("div", { class: "acts" }, save, look), status.node, shown);
};

const guidelinesRead = async (campaign) => {
  const shown = el("div", { class: "rendered" });
  const { guidelines_html: html } = await call("GET", `/campaigns/${campaign.id}`);
  if (html) setHtml(shown, html); else shown.textContent = "This campaign has no guidelines.";
  return el("section", { class: "guidelines" }, el("h4", {}, "Guidelines"), shown);
};
