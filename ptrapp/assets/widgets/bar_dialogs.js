// Two dialogs of every page: "Go to", by Ctrl K or ⌘ K, and the list of keys, by "?".

const KEYS_OF = {
  Everywhere: [["Ctrl K, ⌘ K", "go to any page"], ["?", "this list"], ["Esc", "close"]],
  Play: [["Enter", "send the prompt"], ["Shift Enter", "a new line in it"], ["1 – 8", "choose a round or candidate to compare; two make a pair"],
    ["D", "what changed between rounds"], ["R", "ask again"], ["L", "send the pairs to a campaign"], ["U", "undo the last vote"], ["H", "history"], ["Esc", "stop a run, or leave a pair"]],
  History: [["/", "search"], ["↑ ↓", "from run to run"], ["Enter", "open it"]],
  "A pair on Play": [["← →", "the better one; with Shift: much better"], ["↓", "a tie"], ["X", "both are bad"], ["J", "ask the judge"]],
};

// The title has the focus at first: a button further down would be scrolled to.
const dialogOf = (name, title) => {
  const body = el("div", {});
  const node = el("dialog", { class: "bar-dialog", "aria-label": title, onclick: (event) => { if (event.target === node) node.close(); } }, el("h2", { tabindex: -1, autofocus: true }, title), body);
  node.dataset.part = name;
  node.addEventListener("keydown", (event) => event.stopPropagation()); // the page's own keys sleep under it
  return { node, body };
};

const keysDialog = dialogOf("keys", "Keys");
const openKeys = () => {
  const shown = Object.entries(KEYS_OF).filter(([name]) => name === "Everywhere" || name.includes(here() ?? "–"));
  keysDialog.body.replaceChildren(...shown.flatMap(([name, keys]) => [el("h3", {}, name),
    el("dl", {}, ...keys.flatMap(([key, what]) => [el("dt", {}, el("kbd", { class: "kbd" }, key)), el("dd", {}, what)]))]),
    el("p", {}, "Keys sleep while a field has the focus. The Label page has keys of its own, and its own list."),
    el("button", { type: "button", class: "btn s", onclick: () => keysDialog.node.close() }, "Close"));
  keysDialog.node.showModal();
};

const goDialog = dialogOf("go", "Go to");
const openGo = () => {
  const pages = (shownFrame?.pages ?? []).flatMap((name) => name === "Play" ? [name, "History"] : [name]);
  const places = pages.map((name) => [name, addressOf(name)]);
  const list = el("ul", {});
  const find = el("input", { type: "text", "aria-label": "Where to", placeholder: "A page, or the number of a run", autocomplete: "off" });
  const wanted = () => {
    const said = find.value.trim().toLowerCase();
    const run = /^(?:run )?(\d{1,15})$/.exec(said);
    const found = places.filter(([name]) => name.toLowerCase().includes(said));
    return run && shownFrame.pages.includes("Play") ? [[`Run ${run[1]}`, `${addressOf("Play")}?run=${run[1]}`]] : found;
  };
  const draw = () => list.replaceChildren(...wanted().map(([name, address]) => el("li", {}, el("a", { href: address }, name))));
  find.addEventListener("input", draw);
  find.addEventListener("keydown", (event) => {
    const [first] = wanted();
    if (event.key === "Enter" && first) location.assign(first[1]);
  });
  draw();
  goDialog.body.replaceChildren(find, list);
  goDialog.node.showModal();
  find.focus();
};

const onBarKey = (event) => {
  if (!root.isConnected) return document.removeEventListener("keydown", onBarKey, true);
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") { event.preventDefault(); if (!goDialog.node.open) openGo(); return; }
  if (event.key === "Escape" && !menu.hidden) { closeMenu(); chip()?.focus(); event.stopPropagation(); return; }
  if (event.key === "?" && here() !== "Label" && !event.ctrlKey && !event.metaKey && !typing(event.target)) { event.preventDefault(); openKeys(); }
};
