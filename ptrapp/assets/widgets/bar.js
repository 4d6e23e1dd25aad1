// The bar of every page: mark, pages, the version that answers, the job that runs, the person.
// What a role may not use is not in it; what it says comes from one route and is asked for again.

const root = element.querySelector(".bar");
const EVERY_MS = 3_000;

let shownFrame = null;
const bar = el("header", { class: "bar-line-top" });
const menu = el("div", { class: "bar-menu", role: "dialog", "aria-label": "The version that answers", hidden: true });
const toasts = el("div", { class: "bar-toasts" });
root.replaceChildren(bar, menu, toasts, keysDialog.node, goDialog.node);

const initials = (name) => name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => word[0].toUpperCase()).join("");

const mark = () => {
  const arcs = ["M2 15a6 6 0 0 1 12 0", "M7 15a6 6 0 0 1 12 0", "M12 15a6 6 0 0 1 12 0"].map((d) => svg("path", { d }));
  return svg("svg", { viewBox: "0 0 26 18", "aria-hidden": "true" }, ...arcs);
};

const drawBar = (frame) => {
  const focused = bar.contains(document.activeElement) ? document.activeElement.dataset.part : null;
  const home = frame?.pages[0] ?? "Play";
  bar.replaceChildren(
    el("a", { class: "brand", href: addressOf(home) }, mark(), "thrice"),
    el("nav", { class: `bar-nav${here() === "Label" ? " desk" : ""}`, "aria-label": "Pages" }, ...navOf(frame?.pages ?? [])),
    el("span", { class: "push" }),
    el("button", { type: "button", class: "barchip go", "data-part": "go", onclick: openGo }, icon("search"), "Go to", el("kbd", { class: "kbd" }, "Ctrl K")),
    ...(frame?.job ? [jobOf(frame.job)] : []),
    ...(frame?.serving ? [chipOf(frame)] : []),
    ...(frame ? [el("span", { class: "avatar", role: "img", title: `${frame.name}, ${frame.role}`, "aria-label": `${frame.name}, ${frame.role}` }, initials(frame.name) || "?")] : []));
  if (!menu.hidden) chip()?.setAttribute("aria-expanded", "true");
  if (focused) bar.querySelector(`[data-part="${CSS.escape(focused)}"]`)?.focus();
};

const look = async () => {
  let frame;
  try { frame = await call("GET", "/frame"); } catch { return; } // what was known stays; the banner says why
  const last = shownFrame?.ended;
  if (shownFrame?.asked && frame.ended && frame.ended.id !== last?.id) tellEnd(frame.ended);
  if (JSON.stringify(frame) !== JSON.stringify({ ...shownFrame, asked: undefined })) drawBar(frame);
  shownFrame = { ...frame, asked: true };
  keep(frame);
};

const keepLooking = async () => {
  if (!document.hidden) await look();
  if (root.isConnected) setTimeout(keepLooking, EVERY_MS);
};

shownFrame = kept();
drawBar(shownFrame);
keepLooking();
document.addEventListener("visibilitychange", () => { if (!document.hidden && root.isConnected) look(); });
document.addEventListener("keydown", onBarKey, true);
document.addEventListener("click", (event) => { if (!menu.hidden && !menu.contains(event.target) && !chip()?.contains(event.target)) closeMenu(); });
