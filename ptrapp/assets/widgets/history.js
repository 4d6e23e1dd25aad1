// The list of History: a button of a row tells the server what it does and to which run.

const pressed = (event) => {
  const button = event.target.closest?.("button[data-act]");
  if (!button) return;
  const { act, run } = button.dataset;
  if (act === "link") return copyLink(button, run);
  if (act === "name") focusField(performance.now() + FIELD_COMES_MS);
  else focused = `${act} ${run}`;
  trigger("click", { act, run });
};

// The field to name a run in comes from the server, after a while.
const FIELD_COMES_MS = 5000;
const focusField = (until) => {
  const field = document.querySelector("#history-title :is(input, textarea)");
  if (field?.offsetParent) return field.focus();
  if (performance.now() < until) setTimeout(() => focusField(until), 50);
};

const copyLink = async (button, run) => {
  const link = new URL(`./?run=${run}&read=1`, document.baseURI).href;
  try { await navigator.clipboard.writeText(link); button.textContent = "Copied"; } catch { window.prompt("The link to this run, to read:", link); }
};

// The list is drawn anew after each press: the focus stays on the same button, or on the way back.
let focused = "";
const refocus = () => {
  if (!focused) return;
  const [act, run] = focused.split(" ");
  focused = "";
  setTimeout(() => {
    const undo = document.querySelector("#history-notice button[data-act]");
    const same = act.replace(/^un/, ""); // a button to pin is one to unpin after it
    (element.querySelector(`button[data-act$="${same}"][data-run="${run}"]`) ?? undo)?.focus();
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
