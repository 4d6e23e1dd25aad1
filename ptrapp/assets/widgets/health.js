// A banner on every page while /health says that the app cannot do its work: why, and what to do.
// An app that does not answer at all is said by whatever asked it.

const root = element.querySelector(".health");
const EVERY_MS = 15_000;

const look = async () => {
  if (document.hidden) return;
  let said = "";
  try {
    const response = await fetch("api/v1/health", { cache: "no-store" });
    if (response.status === 503) said = (await response.json()).error;
  } catch {
    return; // no answer, or one that is not ours: what was known stays
  }
  if (root.textContent !== said) root.replaceChildren(...(said ? [el("p", { role: "alert" }, said)] : []));
};

const timer = setInterval(() => (root.isConnected ? look() : clearInterval(timer)), EVERY_MS);
document.addEventListener("visibilitychange", look);
look();
