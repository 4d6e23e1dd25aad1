// A banner on every page while /health says that the app cannot do its work, or warns: why, and what to do.
// It looks more often until that is over, and then says so. An app that does not answer at all is said
// by whatever asked it.

const root = element.querySelector(".health");
const EVERY_MS = 15_000;
const WAITING_MS = 2_000;
const SAID_FOR_MS = 5_000;
const OVER = "The model is ready: prompts are answered again.";

let refused = "";
let warned = false;
let over = 0;

const say = (text, attributes) => root.replaceChildren(...(text ? [el("p", attributes, text)] : []));
const words = (text) => text.replace(/\d+/g, "");

// The same words with other figures are not read aloud again: a load says its seconds.
const refuse = (text) => say(text, { role: "alert", "aria-live": words(text) === words(refused) ? "off" : "assertive" });

const look = async () => {
  if (document.hidden) return;
  let said = "";
  let warns = false;
  try {
    const response = await fetch("api/v1/health", { cache: "no-store" });
    if (response.status === 503) said = (await response.json()).error;
    else if (!response.ok) return;
    else said = (await response.json()).warning ?? "";
    warns = response.ok && said !== "";
  } catch {
    return; // no answer, or one that is not ours: what was known stays
  }
  if (said === refused) return;
  clearTimeout(over);
  if (said) refuse(said);
  else if (warned) say("");
  else {
    say(OVER, { role: "status" });
    over = setTimeout(say, SAID_FOR_MS);
  }
  refused = said;
  warned = warns;
};

let next = 0;
const watchHealth = async () => {
  clearTimeout(next);
  await look();
  if (root.isConnected) next = setTimeout(watchHealth, refused ? WAITING_MS : EVERY_MS);
};
document.addEventListener("visibilitychange", watchHealth);
watchHealth();
