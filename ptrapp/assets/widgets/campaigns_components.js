// Components of the Campaigns page: buttons, tables, fields and status lines.

const percent = (x) => Math.round(100 * x) + " %";
const number = (n) => n.toLocaleString("en");
const when = (iso) => new Date(iso).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });

const button = (label, part, onclick, attributes = {}) =>
  el("button", { type: "button", class: "act", "data-part": part, onclick, ...attributes }, label);

// A table of figures may be wider than a phone: then it scrolls, by keyboard too.
const framed = (label, table) => el("div", { class: "table-wrap plain", role: "region", tabindex: 0, "aria-label": label }, table);
const table = (caption, heads, rows) => el("table", {}, el("caption", {}, el("span", {}, caption)),
  el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, ...rows));

// A screen reader would read an input without a label of its own with its hint and all its options.
const field = (label, hint, node) => {
  node.setAttribute("aria-label", label);
  if (hint) node.setAttribute("aria-description", hint);
  return el("label", { class: node.type === "checkbox" ? "check" : "" }, el("span", {}, label), node, hint ? el("small", { class: "faint" }, hint) : null);
};

const choice = (options, attributes = {}) =>
  el("select", attributes, ...options.map(([value, label]) => el("option", { value }, label)));

const statusLine = () => {
  const node = el("p", { class: "status", role: "status" });
  return { node, say: (text, bad = false) => { node.textContent = text; node.className = bad ? "status bad" : "status good"; } };
};

// Runs a button's work, never twice at once, and shows the sentence that it returns or its error.
const act = (status, work) => async (event) => {
  const pressed = event.currentTarget;
  pressed.disabled = true;
  try { status.say((await work()) ?? ""); } catch (error) { status.say(error.message, true); }
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
