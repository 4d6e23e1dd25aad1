// The list of History: a button of a row tells the server what it does and to which run.

const pressed = (event) => {
  const button = event.target.closest?.("button[data-act]");
  if (!button) return;
  const { act, run } = button.dataset;
  if (act === "link") return copyLink(button, run);
  focused = `${act} ${run}`;
  trigger("click", { act, run });
};

const copyLink = async (button, run) => {
  const link = new URL(`./?run=${run}&read=1`, document.baseURI).href;
  try { await navigator.clipboard.writeText(link); button.textContent = "Copied"; } catch { window.prompt("The link to this run, to read:", link); }
};

// The list is drawn anew after each press: the focus stays on the same button, or on the field that came.
let focused = "";
const refocus = () => {
  if (!focused) return;
  const [act, run] = focused.split(" ");
  focused = "";
  setTimeout(() => {
    if (act === "name") return document.querySelector("#history-title :is(input, textarea)")?.focus();
    const undo = document.querySelector("#history-notice button[data-act]");
    (element.querySelector(`button[data-act="${act}"][data-run="${run}"]`) ?? undo)?.focus();
  }, 50);
};
watch("value", refocus);
element.addEventListener("click", pressed);

const onHistoryKey = (event) => {
  if (!element.isConnected) return document.removeEventListener("keydown", onHistoryKey);
  const field = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !field && !event.ctrlKey && !event.metaKey) { event.preventDefault(); document.querySelector("#history-search :is(input, textarea)")?.focus(); return; }
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || (field && !field.closest("#history-search"))) return;
  const links = [...element.querySelectorAll("h2 a")];
  const at = links.findIndex((link) => link.closest("li").contains(document.activeElement));
  const next = links[at + (event.key === "ArrowDown" ? 1 : -1)] ?? (at < 0 ? links[0] : null);
  if (next) { event.preventDefault(); next.focus(); }
};
if (element.closest("#history-list")) document.addEventListener("keydown", onHistoryKey);
