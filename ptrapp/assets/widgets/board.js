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
const cells = new Map(); // "index:candidate" → the drawn column

const name = (cell) =>
  board.mode === "refine" ? `Round ${cell.index + 1}` : `Candidate ${LETTERS[cell.candidate]}`;
const byId = (id) => board.cells.find((cell) => cell.round_id === id);
const place = (cell) => `${cell.index}:${cell.candidate}`;
const comparable = (cell) => Boolean(cell.round_id) && board.cells.filter((other) => other.round_id).length > 1;
const FROM = { typed: " (typed)", example: " (from the example)", program: " (from a program)" }; // who gave it
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
  say(undone === null ? "There is no vote to undo." : "Your last vote is undone.");
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
  const link = new URL(`./?run=${board.run_id}`, document.baseURI).href;
  const facts = [
    running ? "generating…" : board.state === "done" ? null : board.state,
    `model version ${board.version}`,
    board.reference_in_words ? `reference answer: ${board.reference_in_words}${FROM[board.settings.reference_from] ?? ""}` : "no reference answer, so responses are not checked",
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

const drawBar = () => {
  if (!board) return;
  const words = notice ? el("p", { class: notice.bad ? "bar-notice bad" : "bar-notice", role: notice.bad ? "alert" : "status" }, notice.text) : null;
  const button = (label, key, action, title = "") =>
    el("button", { type: "button", class: "vote", "data-part": key, title, onclick: action }, label, el("kbd", {}, key));
  const judgements = board.comparisons.filter((one) => one.judge && one.outcome && byId(one.left) && byId(one.right))
    .map((one) => `${one.judge}: ${inWords(one.outcome, one.left, one.right)}`);
  const parts = [];
  if (offer && byId(offer.left) && byId(offer.right)) {
    parts.push(
      el("p", { class: "bar-title" }, `Which response is better? `, el("small", {}, "Thoughts stay hidden until you vote.")),
      el("div", { class: "bar-buttons" },
        button(name(byId(offer.left)), "←", () => decide("left")),
        button("Tie", "↓", () => decide("tie")),
        button("Both bad", "x", () => decide("both_bad")),
        button(name(byId(offer.right)), "→", () => decide("right")),
        board.judge ? button("Ask the judge", "j", letJudge, `${board.judge} sees the two responses${board.reference_answer ? " and the reference answer" : ""}, no thought`) : null,
        button("Cancel", "Esc", () => attempt(putAside))),
    );
  } else if (board.cells.filter((cell) => cell.round_id).length > 1) {
    const last = votes().at(-1);
    const bothHere = last && byId(last.left) && byId(last.right);
    const said = bothHere ? `Your vote: ${inWords(last.outcome, last.left, last.right)}${last.blind ? "" : " (not blind: you had opened a thought)"}.` : "";
    parts.push(el("p", { class: "bar-title" }, said + (chosen.length === 1 ? " Choose a second one." : said ? "" : "Choose two to compare: press Compare, or the number keys of two columns.")),
      el("div", { class: "bar-buttons" },
        votes().length ? button("Undo", "u", undo) : null,
        board.state === "running" ? null : button("Send to a campaign", "l", send, "adds these pairs to a labelling campaign")));
  }
  if (sendable.length) {
    parts.push(el("div", { class: "bar-buttons", role: "group", "aria-label": "Send to which campaign?" },
      ...sendable.map((campaign) => el("button", { type: "button", class: "vote", "data-part": `campaign ${campaign.id}`, onclick: () => sendHere(campaign) }, campaign.name))));
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
  if (event.key === "l" && !offer && board.state !== "running" && finished.length > 1) action = send;
  if (!action) return;
  event.preventDefault();
  action();
};
document.addEventListener("keydown", onKey);

// ---- state from the server

const take = (value) => {
  if (!value || !value.run_id) { board = null; draw(); return; }
  if (board?.run_id !== value.run_id) {
    chosen = []; offer = null; notice = null; sendable = [];
    for (const node of cells.values()) node.remove();
    cells.clear();
    const url = new URL(location.href);
    url.searchParams.set("run", value.run_id);
    history.replaceState(null, "", url);
  }
  board = value;
  const open = board.comparisons.find((one) => one.outcome === null);
  if (open && !offer) { // a pair that was open when the page was reloaded is open again
    offer = { key: open.key, left: open.left, right: open.right, paintedAt: performance.now() };
    chosen = [open.left, open.right];
  }
  draw();
};

watch("value", () => take(props.value));
take(props.value);
