// The composer folds to the board's first line once there is an answer to look at.
// A page of the class "composing" shows it. On a page that is coming back to a run it stays folded
// from the start, so that nothing jumps when the run arrives.

const frame = element.closest(".contain > *"); // the styles reach no further out
const CAME_BACK = "thrice.play.asked";
const WAIT_MS = 5000; // for the run of a page that came back; then the composer is shown

const fold = (folded) => frame.classList.toggle("composing", !folded);
const isFolded = () => !frame.classList.contains("composing");

const remembered = (() => { try { return localStorage.getItem(CAME_BACK); } catch { return null; } })();
const comesBack = new URL(location.href).searchParams.has("run") || Boolean(remembered);
fold(comesBack);
if (comesBack) setTimeout(() => { if (!board) fold(false); }, WAIT_MS);

// The composer is shown once all of its parts are there, or after a while in any case.
const SETTLES_MS = 8000;
const began = performance.now();
const settle = () => {
  const there = document.querySelector("#examples .gallery-item") && document.querySelector("#think input");
  if (there || performance.now() - began > SETTLES_MS) requestAnimationFrame(() => frame.classList.add("settled"));
  else setTimeout(settle, 30);
};
settle();

// An answer begins: the form folds and the page shows it from its top.
const foldFor = (run, known) => {
  try { localStorage.setItem(CAME_BACK, String(run)); } catch { /* a browser without storage only jumps a little */ }
  fold(true);
  if (known) window.scrollTo({ top: 0 });
};

const promptField = () => document.querySelector("#prompt textarea");
const fill = (text) => {
  const field = promptField();
  if (!field) return;
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

const edit = () => {
  fold(false);
  window.scrollTo({ top: 0 });
  const text = promptField();
  text?.focus();
  text?.setSelectionRange(text.value.length, text.value.length);
};

const askNew = () => { fill(""); edit(); };

const askAgain = () => document.getElementById("run")?.click();
