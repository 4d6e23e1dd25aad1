// The board: rounds or candidates side by side, and the comparison of any two of them.
// State comes from the server as plain values (services/board.py); this file only draws and asks.

const root = element.querySelector(".board");
const LETTERS = "ABCDEFGH";
const QUIET_MS = 350; // keys pressed before a pair could be read are not a decision

let board = null;
let chosen = []; // round ids, in the order of the columns
let offer = null; // {key, left, right, paintedAt}
let showChanges = false;
let busy = false;
let notice = null; // {text, bad}
const cells = new Map(); // "index:candidate" → the drawn column

const name = (cell) =>
  board.mode === "refine" ? `Round ${cell.index + 1}` : `Candidate ${LETTERS[cell.candidate]}`;
const byId = (id) => board.cells.find((cell) => cell.round_id === id);
const place = (cell) => `${cell.index}:${cell.candidate}`;
const comparable = (cell) => Boolean(cell.round_id) && board.cells.filter((other) => other.round_id).length > 1;
const votes = () => board.ballots.filter((ballot) => ballot.outcome && !ballot.judge);

const say = (text, bad = false) => { notice = { text, bad }; drawBar(); };

const refresh = async () => {
  const run = board.run_id;
  const fresh = await call("GET", `/runs/${run}`);
  if (board.run_id === run) take(fresh);
};

const attempt = async (work) => {
  if (busy) return;
  busy = true;
  try { await work(); } catch (error) { say(error.message, true); } finally { busy = false; }
};

// ---- deciding

const choose = (cell) => attempt(async () => {
  if (offer) await putAside();
  notice = null;
  const id = cell.round_id;
  chosen = chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id].slice(-2);
  if (chosen.length === 2) await openPair();
  draw();
});

const openPair = async () => {
  const order = board.cells.map((cell) => cell.round_id);
  const [left, right] = [...chosen].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const { key } = await call("POST", "/comparisons", { left, right });
  offer = { key, left, right, paintedAt: performance.now() };
  await refresh();
};

const putAside = async () => {
  const { key } = offer;
  offer = null;
  chosen = [];
  await call("POST", "/comparisons/dismiss", { key });
  await refresh();
};

const decide = (outcome, strength = 1) => attempt(async () => {
  if (!offer) return;
  const decision = {
    key: offer.key, outcome, strength, client: "board",
    decided_ms: Math.round(performance.now() - offer.paintedAt),
  };
  for (let retry = 0; ; retry++) { // the same key is stored once, so sending again is safe
    try { await call("POST", "/votes", decision); break; } catch (error) {
      if (retry === 3 || !error.message.startsWith("The server does not answer")) throw error;
      await new Promise((resume) => setTimeout(resume, 500 * 2 ** retry));
    }
  }
  offer = null;
  chosen = [];
  notice = null;
  await refresh();
});

const undo = () => attempt(async () => {
  const { undone } = await call("POST", "/votes/undo", { key: crypto.randomUUID?.() ?? `u${Date.now()}${Math.random()}` });
  say(undone === null ? "There is no vote to undo." : "The last vote is taken back.");
  await refresh();
});

const letJudge = () => attempt(async () => {
  if (!offer) return;
  const { left, right } = offer;
  const { outcome, rationale } = await call("POST", "/comparisons/judge", { left, right });
  await putAside();
  say(`The judge says ${inWords(outcome, left, right)}. ${rationale}`);
});

const openThought = (cell) => attempt(async () => {
  if (cell.round_id) await call("POST", `/rounds/${cell.round_id}/thought`);
  else await call("POST", `/runs/${board.run_id}/watch`, { index: cell.index, candidate: cell.candidate });
  notice = null;
  folded.delete(`${board.run_id}/${place(cell)}`);
  await refresh();
});

const stopRun = () => attempt(async () => { await call("POST", `/runs/${board.run_id}/stop`); });

const inWords = (outcome, left, right) => ({
  left: `${name(byId(left))} is better`,
  right: `${name(byId(right))} is better`,
  tie: `${name(byId(left))} and ${name(byId(right))} tie`,
  both_bad: "both are bad",
})[outcome];

const folded = new Set(); // thoughts a person opened and closed again

// ---- drawing

const draw = () => {
  root.hidden = !board;
  if (!board) return;
  drawHead();
  drawCells();
  drawBar();
};

const head = el("div", { class: "board-head" });
const grid = el("div", { class: "board-grid", role: "list" });
const bar = el("div", { class: "board-bar", role: "region", "aria-label": "Comparison" });
root.replaceChildren(head, grid, bar);

const drawHead = () => {
  const running = board.state === "running";
  const link = new URL(`/?run=${board.run_id}`, location.href).href;
  const facts = [
    running ? "writing…" : board.state === "done" ? null : board.state,
    `answered by ${board.version}`,
    board.reference_answer ? `reference answer: ${board.reference_answer}` : "no reference answer: nothing can be checked",
  ].filter(Boolean);
  const canDiff = board.mode === "refine" && board.cells.some((cell) => cell.diff.length);
  const parts = [
    el("p", { class: "board-prompt", dir: "auto" }, board.prompt),
    el("p", { class: "board-facts" }, facts.join(" · "), " · ", el("a", { href: link }, `run ${board.run_id}`)),
    board.message ? el("p", { class: "board-message", role: "alert" }, board.message) : null,
    canDiff
      ? el("label", { class: "board-toggle" },
          el("input", { type: "checkbox", ...(showChanges ? { checked: true } : {}), onchange: (event) => { showChanges = event.target.checked; drawCells(); } }),
          " Show what changed between rounds")
      : null,
    running ? el("button", { type: "button", class: "vote stop", "data-part": "stop", onclick: stopRun }, "Stop", el("kbd", {}, "Esc")) : null,
  ].filter(Boolean);
  head.replaceChildren(...parts);
};

const drawCells = () => {
  const wanted = new Set(board.cells.map(place));
  for (const [key, node] of cells) if (!wanted.has(key)) { node.remove(); cells.delete(key); }
  grid.style.setProperty("--columns", Math.min(board.cells.length, 4));
  for (const cell of board.cells) {
    const drawn = JSON.stringify([board.run_id, cell, chosen.includes(cell.round_id), Boolean(offer), showChanges, folded.has(`${board.run_id}/${place(cell)}`), verdictsOn(cell), comparable(cell)]);
    const old = cells.get(place(cell));
    if (old?.drawn === drawn) continue;
    const focused = old?.contains(document.activeElement) ? document.activeElement.dataset.part : null;
    const node = column(cell);
    node.drawn = drawn;
    if (old) old.replaceWith(node); else grid.append(node);
    cells.set(place(cell), node);
    if (focused) node.querySelector(`[data-part="${focused}"]`)?.focus();
  }
};

const verdictsOn = (cell) => votes().filter((vote) => vote.left === cell.round_id || vote.right === cell.round_id)
  .map((vote) => {
    const won = vote.outcome === (vote.left === cell.round_id ? "left" : "right");
    return won ? "you: better" : vote.outcome === "tie" ? "you: tie" : vote.outcome === "both_bad" ? "you: bad" : null;
  }).filter(Boolean);

const column = (cell) => {
  const mark = cell.correct === true ? el("span", { class: "mark right", title: "states the reference answer" }, "✓ right")
    : cell.correct === false ? el("span", { class: "mark wrong", title: "does not state the reference answer" }, "✗ wrong") : null;
  const flip = cell.flip ? el("span", { class: `flip ${cell.flip}`, title: `${cell.flip} against the round before` }, cell.flip === "fixed" ? "✗→✓ fixed" : "✓→✗ broken") : null;
  const meta = cell.state === "waiting" ? "waiting" : cell.state === "failed" ? "failed"
    : [cell.version, count(cell.n_tokens, "token"), seconds(cell.duration_s)].join(" · ");
  const selected = chosen.includes(cell.round_id);
  return el("article", { class: `cell ${cell.state}${selected ? " selected" : ""}`, role: "listitem", "aria-busy": cell.state === "writing" },
    el("header", {}, el("h3", {}, name(cell)), mark, flip,
      ...verdictsOn(cell).map((text) => el("span", { class: "mine" }, text))),
    el("p", { class: "cell-meta" }, meta),
    thoughtOf(cell),
    responseOf(cell),
    comparable(cell) ? el("button", { class: "pick", "data-part": "pick", type: "button", "aria-pressed": selected, onclick: () => choose(cell) }, selected ? "Chosen" : "Compare") : null,
  );
};

const thoughtOf = (cell) => {
  if (!cell.thinking || cell.state === "waiting" || cell.state === "failed") return null;
  const writing = cell.state === "writing" && !cell.response;
  const title = cell.state === "writing"
    ? writing ? `Thinking… ${count(cell.n_tokens, "token")}` : "Thought"
    : `Thought · ${seconds(cell.thought_s)} · ${count(cell.n_thought_tokens, "token")}`;
  const key = `${board.run_id}/${place(cell)}`;
  const open = cell.thought !== null && !folded.has(key);
  const held = offer && (offer.left === cell.round_id || offer.right === cell.round_id);
  const toggle = () => {
    if (cell.thought === null) return openThought(cell);
    folded.has(key) ? folded.delete(key) : folded.add(key);
    drawCells();
  };
  return el("div", { class: "thought" },
    el("button", { type: "button", "data-part": "thought", "aria-expanded": open, disabled: held, title: held ? "hidden until you have voted" : "", onclick: toggle },
      (held ? "🔒 " : open ? "▾ " : "▸ ") + title),
    open ? el("p", { class: "thought-text", dir: "auto" }, cell.thought) : null,
  );
};

const responseOf = (cell) => {
  if (cell.state === "failed") return el("p", { class: "response bad", role: "alert" }, cell.error);
  const text = el("p", { class: "response", dir: "auto" });
  if (showChanges && cell.diff.length) {
    if (cell.diff.every(([, kind]) => kind === "same")) text.append(el("em", {}, "(unchanged) "));
    for (const [piece, kind] of cell.diff) {
      if (kind === "removed") continue;
      text.append(kind === "added" ? el("ins", {}, piece) : piece);
    }
    const gone = cell.diff.filter(([, kind]) => kind === "removed").map(([piece]) => piece.trim()).join(" … ");
    return el("div", {}, text, gone ? el("p", { class: "gone", dir: "auto" }, "was: " + gone) : null);
  }
  text.textContent = cell.response;
  if (cell.state === "stored" && !cell.response) text.append(el("em", {}, "no response: the model never finished its thought"));
  else if (cell.truncated) text.append(el("em", {}, " (cut at the token limit)"));
  return text;
};

const drawBar = () => {
  if (!board) return;
  const words = notice ? el("p", { class: notice.bad ? "bar-notice bad" : "bar-notice", role: notice.bad ? "alert" : "status" }, notice.text) : null;
  const button = (label, key, action, title = "") =>
    el("button", { type: "button", class: "vote", "data-part": key, title, onclick: action }, label, el("kbd", {}, key));
  const judgements = board.ballots.filter((ballot) => ballot.judge && ballot.outcome && byId(ballot.left) && byId(ballot.right))
    .map((ballot) => `${ballot.judge}: ${inWords(ballot.outcome, ballot.left, ballot.right)}`);
  const parts = [];
  if (offer && byId(offer.left) && byId(offer.right)) {
    parts.push(
      el("p", { class: "bar-title" }, `Which response is better? `, el("small", {}, "Thoughts stay hidden until you vote.")),
      el("div", { class: "bar-buttons" },
        button(name(byId(offer.left)), "←", () => decide("left")),
        button("Tie", "↓", () => decide("tie")),
        button("Both bad", "x", () => decide("both_bad")),
        button(name(byId(offer.right)), "→", () => decide("right")),
        board.judge ? button("Let the judge compare", "j", letJudge, `${board.judge} sees the two responses${board.reference_answer ? " and the reference answer" : ""}, no thought`) : null,
        button("Put aside", "Esc", () => attempt(putAside))),
    );
  } else if (board.cells.filter((cell) => cell.round_id).length > 1) {
    const last = votes().at(-1);
    const bothHere = last && byId(last.left) && byId(last.right);
    const said = bothHere ? `Your vote: ${inWords(last.outcome, last.left, last.right)}${last.blind ? "" : " (not blind: a thought had been open)"}.` : "";
    parts.push(el("p", { class: "bar-title" }, said + (chosen.length === 1 ? " Choose the second one." : said ? "" : "Choose two to compare: press Compare, or the digits of two columns.")),
      votes().length ? el("div", { class: "bar-buttons" }, button("Undo", "u", undo)) : null);
  }
  if (judgements.length) parts.push(el("p", { class: "bar-judge" }, judgements.join(" · ")));
  bar.replaceChildren(...parts.filter(Boolean), ...(words ? [words] : []));
};

// ---- keys

const onKey = (event) => {
  if (!board || !element.isConnected || event.repeat || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const digit = Number(event.key);
  const finished = board.cells.filter((cell) => cell.round_id);
  let action = null;
  if (offer) {
    const strength = event.shiftKey ? 2 : 1;
    const decisions = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", x: "both_bad" };
    if (decisions[event.key]) {
      if (performance.now() - offer.paintedAt < QUIET_MS) return;
      action = () => decide(decisions[event.key], strength);
    } else if (event.key === "j" && board.judge) action = letJudge;
    else if (event.key === "Escape") action = () => attempt(putAside);
  } else if (board.state === "running" && event.key === "Escape") action = stopRun;
  else if (digit >= 1 && digit <= finished.length && finished.length > 1) action = () => choose(finished[digit - 1]);
  if (event.key === "u" && !offer) action = undo;
  if (!action) return;
  event.preventDefault();
  action();
};
document.addEventListener("keydown", onKey);

// ---- state from the server

const take = (value) => {
  if (!value || !value.run_id) { board = null; draw(); return; }
  if (board?.run_id !== value.run_id) {
    chosen = []; offer = null; notice = null;
    for (const node of cells.values()) node.remove();
    cells.clear();
    const url = new URL(location.href);
    url.searchParams.set("run", value.run_id);
    history.replaceState(null, "", url);
  }
  board = value;
  const open = board.ballots.find((ballot) => ballot.outcome === null);
  if (open && !offer) { // a pair that was open when the page was reloaded is open again
    offer = { key: open.key, left: open.left, right: open.right, paintedAt: performance.now() };
    chosen = [open.left, open.right];
  }
  draw();
};

watch("value", () => take(props.value));
take(props.value);
