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
let sendable = []; // open campaigns to choose from
let counted = null; // what the last vote counts towards
const nodes = new Map(); // what is drawn: cards by "index:candidate", arrows, the sides of a pair

const name = (cell) =>
  board.mode === "refine" ? `Round ${cell.index + 1}` : `Candidate ${LETTERS[cell.candidate]}`;
const byId = (id) => board.cells.find((cell) => cell.round_id === id);
const place = (cell) => `${cell.index}:${cell.candidate}`;
const comparable = (cell) => !readOnly && Boolean(cell.round_id) && board.cells.filter((other) => other.round_id).length > 1;
const finished = () => board.cells.filter((cell) => cell.round_id);
const marksSeen = () => Boolean(board.reference_answer); // they stand on the cards as soon as rounds are stored
const votes = () => board.comparisons.filter((one) => one.outcome && !one.judge);

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
  const pair = [...chosen].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const [left, right] = Math.random() < 0.5 ? pair : pair.reverse(); // sides by chance: A is no round
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
    key: offer.key, outcome, strength, client: marksSeen() ? "board, marks seen" : "board",
    decided_ms: Math.round(performance.now() - offer.paintedAt),
  };
  for (let retry = 0; ; retry++) { // the same key is stored once, so sending again is safe
    try { ({ counts: counted } = await call("POST", "/votes", decision)); break; } catch (error) {
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
  counted = null;
  say(undone === null ? "There is no vote to undo." : "Your last vote is undone.");
  await refresh();
});

const letJudge = () => attempt(async () => {
  if (!offer) return;
  const { left, right } = offer;
  await call("POST", "/comparisons/judge", { left, right });
  notice = null;
  await putAside(); // what it said stands in the bar, with the board
});

const openThought = (cell) => attempt(async () => {
  if (cell.round_id) await call("POST", `/rounds/${cell.round_id}/thought`);
  else await call("POST", `/runs/${board.run_id}/watch`, { index: cell.index, candidate: cell.candidate });
  notice = null;
  folded.delete(`${board.run_id}/${place(cell)}`);
  await refresh();
});

// A single open campaign is used at once; of several the person chooses one.
const send = () => attempt(async () => {
  const campaigns = await openCampaigns();
  if (campaigns.length === 1) { say(await sendTo(campaigns[0], board)); return; }
  if (!campaigns.length) { say("No campaign is open. Create one on the Campaigns page, then send these pairs to it.", true); return; }
  sendable = campaigns;
  notice = null;
  drawBar();
  bar.querySelector("[data-part^=campaign]")?.focus();
});

const sendHere = (campaign) => attempt(async () => {
  sendable = [];
  say(await sendTo(campaign, board));
});

const toggleChanges = () => { showChanges = !showChanges; drawHead(); drawCells(); };

const stopRun = () => attempt(async () => { await call("POST", `/runs/${board.run_id}/stop`); });

const inWords = (outcome, left, right, better = "better") => ({
  left: `${name(byId(left))} is ${better}`,
  right: `${name(byId(right))} is ${better}`,
  tie: `${name(byId(left))} and ${name(byId(right))} tie`,
  both_bad: "both are bad",
})[outcome];

const folded = new Set(); // thoughts a person opened and closed again

// ---- drawing

const draw = () => {
  root.hidden = !board;
  if (!board) { frame.classList.remove("comparing"); return; }
  drawHead();
  drawCells();
  drawBar();
};

const head = el("div", { class: "board-head" });
const grid = el("section", { class: "board-grid" });
const bar = el("div", { class: "board-bar", role: "region", "aria-label": "Comparison" });
root.replaceChildren(head, grid, bar);
new ResizeObserver(() => frame.style.setProperty("--under-bar", `${bar.offsetHeight}px`)).observe(bar);

const pairShown = () => offer && byId(offer.left) && byId(offer.right);

// Replaces what changed and keeps where the focus was.
const redraw = (parent, make) => {
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.part : null;
  make();
  if (focused) parent.querySelector(`[data-part="${CSS.escape(focused)}"]`)?.focus();
};

const drawHead = () => redraw(head, () => head.replaceChildren(...headOf()));

// Everything the grid shows, in order: {key, state, make}; the same state is not drawn again.
const shown = () => {
  if (pairShown()) return [["A", byId(offer.left)], ["B", byId(offer.right)]].map(([letter, cell]) =>
    ({ key: letter, state: cell.response, make: () => sideOf(letter, cell) }));
  return board.cells.flatMap((cell, at) => {
    const state = [board.run_id, cell, chosen.includes(cell.round_id), showChanges, folded.has(`${board.run_id}/${place(cell)}`), verdictsOn(cell), comparable(cell), finished().length];
    const card = { key: place(cell), state, make: () => column(cell) };
    return at && board.mode === "refine" ? [{ key: `to ${place(cell)}`, state: stepTo(cell), make: () => arrowTo(cell) }, card] : [card];
  });
};

const drawCells = () => {
  const wanted = shown();
  const keys = new Set(wanted.map(({ key }) => key));
  grid.className = `board-grid ${pairShown() ? "pair" : board.mode === "refine" ? "chain" : "candidates"}`;
  grid.setAttribute("aria-label", pairShown() ? "Two responses" : board.mode === "refine" ? "Rounds" : "Candidates");
  grid.style.setProperty("--chain", board.cells.map(() => "minmax(var(--card), 1fr)").join(" var(--arrow) "));
  for (const [key, node] of nodes) if (!keys.has(key)) { node.remove(); nodes.delete(key); }
  wanted.forEach(({ key, state, make }, at) => {
    const drawn = JSON.stringify(state);
    let node = nodes.get(key);
    if (node?.drawn !== drawn) {
      const focused = node?.contains(document.activeElement) ? document.activeElement.dataset.part : null;
      const made = make();
      made.drawn = drawn;
      node?.replaceWith(made);
      nodes.set(key, node = made);
      if (focused) { putAt(node, at); node.querySelector(`[data-part="${focused}"]`)?.focus(); }
    }
    putAt(node, at);
  });
};
const putAt = (node, at) => { if (grid.children[at] !== node) grid.insertBefore(node, grid.children[at] ?? null); };

const JUDGEMENTS_SHOWN = 2; // the newest
const judgeInWords = (rater) => `The judge (${rater.replace(/^judge:/, "")})`;

const drawBar = () => {
  if (!board) return;
  const words = notice ? el("p", { class: notice.bad ? "bar-notice bad" : "bar-notice", role: notice.bad ? "alert" : "status" }, notice.text) : null;
  const judgements = board.comparisons.filter((one) => one.judge && one.outcome && byId(one.left) && byId(one.right))
    .map((one) => `${judgeInWords(one.judge)} says ${inWords(one.outcome, one.left, one.right)}. ${one.rationale ?? ""}`.trim());
  const parts = pairShown() ? votingBar() : finished().length > 1 && !readOnly ? restingBar() : [];
  if (sendable.length) {
    parts.push(el("div", { class: "bar-more", role: "group", "aria-label": "Send to which campaign?" },
      ...sendable.map((campaign) => el("button", { type: "button", class: "btn s", "data-part": `campaign ${campaign.id}`, onclick: () => sendHere(campaign) }, campaign.name))));
  }
  if (judgements.length && !pairShown()) parts.push(...judgements.slice(-JUDGEMENTS_SHOWN).map((text) => el("p", { class: "bar-judge", role: "status" }, text)));
  frame.classList.toggle("comparing", Boolean(pairShown()));
  redraw(bar, () => bar.replaceChildren(...parts.filter(Boolean), ...(words ? [words] : [])));
};

// ---- keys

const onKey = (event) => {
  if (!board || !element.isConnected || event.repeat || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const digit = Number(event.key);
  const done = finished();
  let action = null;
  if (event.key.toLowerCase() === "h" && !offer) { location.assign(new URL("history", document.baseURI)); return; }
  if (readOnly && event.key !== "d") return;
  if (offer) {
    const strength = event.shiftKey ? 2 : 1;
    const decisions = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", x: "both_bad" };
    if (decisions[event.key]) {
      if (performance.now() - offer.paintedAt < QUIET_MS) { event.preventDefault(); refuse(); return; }
      action = () => decide(decisions[event.key], strength);
    } else if (event.key === "j" && board.judge) action = letJudge;
    else if (event.key === "Escape") action = () => attempt(putAside);
  } else if (board.state === "running" && event.key === "Escape") action = stopRun;
  else if (digit >= 1 && digit <= done.length && done.length > 1) action = () => choose(done[digit - 1]);
  if (event.key === "u" && !offer) action = undo;
  if (event.key === "l" && !offer && board.state !== "running" && done.length > 1) action = send;
  if (event.key === "d" && !offer) action = toggleChanges;
  if (event.key === "r" && !offer && board.state !== "running" && isFolded()) action = askAgain;
  if (!action) return;
  event.preventDefault();
  action();
};
document.addEventListener("keydown", onKey);

// ---- state from the server

const take = (value) => {
  if (!value || !value.run_id) { board = null; draw(); return; }
  if (value.run_id === wentBackFrom) return;
  if (board?.run_id !== value.run_id) {
    foldFor(value.run_id, board !== null || !isFolded());
    chosen = []; offer = null; notice = null; sendable = []; counted = null; wholePrompt = false;
    for (const node of nodes.values()) node.remove();
    nodes.clear();
    goTo(value.run_id);
  }
  board = value;
  const open = board.comparisons.find((one) => one.outcome === null);
  if (open && !offer && !readOnly) { // a pair that was open when the page was reloaded is open again
    offer = { key: open.key, left: open.left, right: open.right, paintedAt: performance.now() };
    chosen = [open.left, open.right];
  }
  draw();
};

watch("value", () => take(props.value));
take(props.value);
