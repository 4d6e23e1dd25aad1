// What every part of the Campaigns page is made of: buttons, tables, and a line that says what became of a press.

const percent = (x) => Math.round(100 * x) + " %";
const number = (n) => n.toLocaleString("en");
const when = (iso) => new Date(iso).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });

const button = (label, part, onclick, attributes = {}) =>
  el("button", { type: "button", class: "act", "data-part": part, onclick, ...attributes }, label);

// A table of figures may be wider than a phone: then it scrolls, by keyboard too.
const framed = (label, table) => el("div", { class: "table-wrap plain", role: "region", tabindex: 0, "aria-label": label }, table);
const table = (caption, heads, rows) => el("table", {}, el("caption", {}, el("span", {}, caption)),
  el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, ...rows));

// Without a name of its own an input would be read out with its hint and all its options.
const field = (label, hint, node) => {
  node.setAttribute("aria-label", label);
  if (hint) node.setAttribute("aria-description", hint);
  return el("label", { class: node.type === "checkbox" ? "check" : "" }, el("span", {}, label), node, hint ? el("small", { class: "faint" }, hint) : null);
};

const choice = (options, attributes = {}) =>
  el("select", attributes, ...options.map(([value, label]) => el("option", { value }, label)));

const statusLine = () => {
  const node = el("p", { class: "told", role: "status" });
  return { node, say: (text, bad = false) => { node.textContent = text; node.className = bad ? "told bad" : "told good"; } };
};

// A button's work: not begun twice, and its outcome said in words. The work returns the words.
const act = (told, work) => async (event) => {
  const pressed = event.currentTarget;
  pressed.disabled = true;
  try { told.say((await work()) ?? ""); } catch (error) { told.say(error.message, true); }
  pressed.disabled = false;
  // A disabled button loses the focus, and may have been drawn anew meanwhile.
  if (document.activeElement === document.body) (element.querySelector(`[data-part="${pressed.dataset.part}"]`) ?? pressed).focus();
};

// Drawn anew only where something changed, and the pressed button keeps the focus.
const drawn = new WeakMap();
const redraw = (box, state, build) => {
  const now = JSON.stringify(state);
  if (drawn.get(box) === now) return;
  drawn.set(box, now);
  const part = box.contains(document.activeElement) ? document.activeElement.dataset.part : null;
  box.replaceChildren(...build().filter(Boolean));
  if (part) box.querySelector(`[data-part="${part}"]`)?.focus();
};
