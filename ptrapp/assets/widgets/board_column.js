// A card of the board: a round's marks, its response and what changed, and its thought as a strip.

const verdictsOn = (cell) => votes().filter((vote) => vote.left === cell.round_id || vote.right === cell.round_id)
  .map((vote) => {
    const won = vote.outcome === (vote.left === cell.round_id ? "left" : "right");
    return won ? `your vote: ${vote.strength > 1 ? "much better" : "better"}` : vote.outcome === "tie" ? "your vote: tie" : vote.outcome === "both_bad" ? "your vote: both bad" : null;
  }).filter(Boolean);

const MARKS = {
  true: ["ok", "check", "right", "matches the reference answer"],
  false: ["bad", "x", "wrong", "does not match the reference answer"],
};

const markOf = (cell) => {
  const [tone, sign, word, title] = MARKS[cell.correct] ?? [];
  return word ? el("span", { class: `chip mark ${tone}`, title }, icon(sign), word) : null;
};

const column = (cell) => {
  const stopped = cell.state === "stopped" ? "stopped" : null;
  const meta = cell.state === "waiting" || cell.state === "failed" || (stopped && !cell.n_tokens) ? cell.state
    : [stopped, count(cell.n_tokens, "token"), seconds(cell.duration_s), ofVersions() ? (cell.version ? null : "version told after your vote") : cell.version].filter(Boolean).join(" · ");
  const selected = chosen.includes(cell.round_id);
  const digit = finished().indexOf(cell) + 1;
  return el("article", { class: `cell ${cell.state}${selected ? " selected" : ""}`, "aria-label": name(cell), "aria-busy": cell.state === "writing" },
    el("div", { class: "answer" },
      el("header", {}, el("h2", {}, name(cell)), cell.version && ofVersions() && cell.version ? el("span", { class: "chip version", title: "the version that answered" }, cell.version) : null, ...verdictsOn(cell).map((text) => el("span", { class: "chip acc mine" }, text)), markOf(cell)),
      responseOf(cell),
      endingOf(cell),
      el("footer", {}, el("p", { class: "cell-meta" }, meta),
        comparable(cell) ? el("button", { class: "btn s pick", "data-part": "pick", type: "button", "aria-pressed": String(selected), onclick: () => choose(cell) }, selected ? "Chosen" : "Compare", el("kbd", {}, digit)) : null)),
    thoughtOf(cell),
  );
};

// One side of a pair: the response alone. Nothing here tells which round it is.
const sideOf = (letter, cell) => el("article", { class: "cell side", "aria-label": `Response ${letter}` },
  el("div", { class: "answer" }, el("header", {}, el("span", { class: "letter", "aria-hidden": "true" }, letter)), responseOf(cell, false)));

// What a round did to the one before: where both were checked, right or wrong; else whether the words differ.
const ARROWS = { fixed: "check", broken: "x", changed: "swap", same: "same", waiting: "dots" };
const stepTo = (cell) => cell.state !== "stored" ? "waiting" : cell.flip
  ?? (cell.diff.every(([, kind]) => kind === "same") ? "same" : "changed");
const arrowTo = (cell) => {
  const step = stepTo(cell);
  return el("div", { class: `arrow ${step}` }, el("span", {}, icon(ARROWS[step])), el("b", {}, step === "waiting" ? "" : step));
};

const thoughtOf = (cell) => {
  if (!cell.thinking || cell.state === "waiting" || cell.state === "failed" || (cell.state === "stopped" && !cell.n_tokens)) return null;
  const writing = cell.state === "writing" && !cell.response;
  if (readOnly && cell.thought === null) return null; // opening one is a change: later votes on it are not blind
  const facts = cell.state !== "stored"
    ? writing ? count(cell.n_tokens, "token") : "" : `${count(cell.n_thought_tokens, "token")} · ${seconds(cell.thought_s)}`;
  const key = `${board.run_id}/${place(cell)}`;
  const open = cell.thought !== null && !folded.has(key);
  const toggle = () => {
    if (cell.thought === null) return openThought(cell);
    folded.has(key) ? folded.delete(key) : folded.add(key);
    drawCells();
  };
  return el("div", { class: "thought" },
    el("button", { type: "button", "data-part": "thought", "aria-expanded": open, onclick: toggle },
      icon(open ? "down" : "right"), writing ? "Thinking…" : "Thought", el("small", {}, facts)),
    open ? el("p", { class: "thought-text", dir: "auto" }, cell.thought) : null,
  );
};

const missing = (cell) => cell.asked_again ? "no response: the model ended its turn at once, and again when it was asked to go on"
  : cell.thinking && cell.thought_end !== "model" ? "no response: the model did not finish its thought"
  : "no response: the model ended its turn at once";

const endingOf = (cell) => {
  if (cell.state !== "stored" || !cell.response) return null;
  const ended = { turn: "It ended its turn while thinking and was made to respond.", budget: "It used up its thought budget and was made to respond." }[cell.thought_end];
  const again = cell.asked_again ? "It ended its turn at once and was asked to go on." : null;
  return ended || again ? el("p", { class: "cell-meta ending" }, [ended, again].filter(Boolean).join(" ")) : null;
};

const responseOf = (cell, withChanges = showChanges) => {
  if (cell.state === "failed") return el("p", { class: "response bad", role: "alert" }, cell.error);
  const text = el("p", { class: "response", dir: "auto" });
  if (withChanges && cell.diff.length) {
    if (cell.diff.every(([, kind]) => kind === "same")) text.append(el("em", {}, "(unchanged) "));
    for (const [piece, kind] of cell.diff) {
      if (kind === "removed") continue;
      text.append(kind === "added" ? el("ins", {}, piece) : piece);
    }
    const gone = cell.diff.filter(([, kind]) => kind === "removed").map(([piece]) => piece.trim()).join(" … ");
    return el("div", {}, text, gone ? el("p", { class: "gone", dir: "auto" }, "removed: " + gone) : null);
  }
  text.textContent = cell.response;
  if (cell.state === "stored" && !cell.response) text.append(el("em", {}, missing(cell)));
  else if (cell.truncated) text.append(el("em", {}, " (cut off at the token limit)"));
  return text;
};
