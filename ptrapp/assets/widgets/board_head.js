// The board's head: the prompt as the page's heading, how it was asked, and one quiet line of facts.

const LONG = 280; // characters of a prompt that is cut to three lines until it is asked for
const FROM = { typed: " (typed)", example: " (from the example)", program: " (from a program)" }; // who gave it
const THINKS = { always: "thinks in every one", later: "thinks from round 2 on", never: "does not think" };

let wholePrompt = false;

// A candidate of each of several versions, chosen by the person.
const ofVersions = () => Boolean(board.settings.versions?.length);

const asked = () => {
  const { n, thinking, versions } = board.settings;
  if (ofVersions()) return [`Versions · ${versions.join(", ")}`, THINKS[thinking]].filter(Boolean).join(" · ");
  const many = board.mode === "refine" ? count(n, "round") : count(n, "candidate");
  return [board.mode === "refine" ? "Refine" : "Sample", n ? many : null, THINKS[thinking]].filter(Boolean).join(" · ");
};

const headOf = () => {
  const long = board.prompt.length > LONG;
  const prompt = el("h1", { class: `board-prompt${long && !wholePrompt && !offer ? " cut" : ""}`, dir: "auto" }, board.prompt);
  const all = long && !offer
    ? el("button", { type: "button", class: "btn quiet s", "data-part": "whole", "aria-expanded": wholePrompt, onclick: () => { wholePrompt = !wholePrompt; drawHead(); } }, wholePrompt ? "Less" : "All of it") : null;
  if (offer) return [el("div", { class: "folded" }, prompt)];
  const line = el("div", { class: "folded" }, prompt, all, el("span", { class: "board-asked" }, asked()),
    ...(readOnly ? [] : [
    el("button", { type: "button", class: "btn quiet s", "data-part": "edit", "aria-label": "Edit the prompt", onclick: edit }, icon("pen"), el("span", {}, "Edit")),
    el("button", { type: "button", class: "btn quiet s", "data-part": "new", "aria-label": "New question", onclick: askNew }, icon("plus"), el("span", {}, "New question")),
    el("button", { type: "button", class: "btn s", "data-part": "again", title: "asks the form's prompt again", onclick: askAgain }, "Again", el("kbd", {}, "R"))]));
  return [line, factsOf(), board.message ? el("p", { class: "board-message", role: "alert" }, board.message) : null].filter(Boolean);
};

// A run opened by a link that is for reading: no pair, no vote, no new question.
const readOnly = new URL(location.href).searchParams.has("read");

const small = (part, sign, label, action, pressed = null) =>
  el("button", { type: "button", class: `btn quiet s ${part}`, "data-part": part, "aria-label": label, title: label, "aria-pressed": pressed === null ? null : String(pressed), onclick: action }, icon(sign));

const kept = (words, path, body) => attempt(async () => { await call("POST", path, body); await refresh(); say(words); });

const copyRunLink = () => attempt(async () => {
  const link = new URL(`./?run=${board.run_id}&read=1`, document.baseURI).href;
  try { await navigator.clipboard.writeText(link); say("The link is copied: whoever may read results opens this run with it, and cannot change it."); } catch { say(link); }
});

// What a person keeps of a run: its star, its prompt for every version, a link to it.
const keptOf = () => readOnly ? [] : [
  board.is_kept ? small("star", "star", "Star this run", () => kept(board.starred ? "The star is taken away." : "Starred: History finds it.", `/runs/${board.run_id}/about`, { starred: !board.starred }), board.starred) : null,
  board.pinned || board.state === "running" ? null : small("pin", "pin", "Pin this prompt: every version answers it", () => kept("Pinned: each version answers this prompt, side by side on Versions.", "/pins", { run_id: board.run_id })),
  small("link", "link", "Copy a read-only link to this run", copyRunLink),
].filter(Boolean);

const factsOf = () => {
  const running = board.state === "running";
  const link = new URL(`./?run=${board.run_id}`, document.baseURI).href;
  const facts = [
    board.title || null,
    running ? "generating…" : board.state === "done" ? null : board.state,
    ofVersions() ? null : `model version ${board.version}`,
    board.reference_in_words ? `reference answer: ${board.reference_in_words}${FROM[board.settings.reference_from] ?? ""}` : "no reference answer, so responses are not checked",
  ].filter(Boolean);
  const canDiff = board.mode === "refine" && board.cells.some((cell) => cell.diff.length);
  return el("div", { class: "runline" },
    ...keptOf(),
    el("p", { class: "board-facts" }, el("span", { class: "wide" }, facts.join(" · "), " · "), readOnly ? "Read-only · " : null, el("a", { href: link }, `run ${board.run_id}`), " · ", el("a", { href: "history" }, "History")),
    running ? el("button", { type: "button", class: "btn s danger", "data-part": "stop", onclick: stopRun }, "Stop", el("kbd", {}, "Esc")) : null,
    canDiff ? el("button", { type: "button", class: "btn s", "data-part": "changes", "aria-pressed": String(showChanges), onclick: toggleChanges }, icon("diff"), "What changed", el("kbd", {}, "D")) : null);
};
