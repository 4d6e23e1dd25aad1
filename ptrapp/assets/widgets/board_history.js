// The address of a run. One that the person has just asked for is a new step of the browser's history,
// so that Back leads to the run before; one that is only shown again replaces the address.

let startedHere = false; // by the button or by Enter, since the last run came
let wentBackFrom = null; // the run that Back has left for the empty form: its stream may still go on

document.addEventListener("click", (event) => { if (event.target.closest?.("#run")) startedHere = true; }, true);
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && event.target.closest?.("#prompt")) startedHere = true;
}, true);

const goTo = (run) => {
  const url = new URL(location.href);
  url.searchParams.set("run", run);
  if (startedHere && url.href !== location.href) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  startedHere = false;
};

// The page is loaded again with the run of that address, so that the form has its prompt and settings.
const onBack = () => {
  if (!element.isConnected) return window.removeEventListener("popstate", onBack);
  const run = new URL(location.href).searchParams.get("run");
  if (run === String(board?.run_id ?? "")) return;
  if (run) return location.reload();
  wentBackFrom = board?.run_id ?? null;
  take(null);
  askNew();
};
window.addEventListener("popstate", onBack);
