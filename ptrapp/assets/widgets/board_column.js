// One column of the board: a round's marks, its folded thought, its response and what changed.

const verdictsOn = (cell) => votes().filter((vote) => vote.left === cell.round_id || vote.right === cell.round_id)
  .map((vote) => {
    const won = vote.outcome === (vote.left === cell.round_id ? "left" : "right");
    return won ? "your vote: better" : vote.outcome === "tie" ? "your vote: tie" : vote.outcome === "both_bad" ? "your vote: both bad" : null;
  }).filter(Boolean);

const column = (cell) => {
  const mark = cell.correct === true ? el("span", { class: "mark right", title: "matches the reference answer" }, "✓ correct")
    : cell.correct === false ? el("span", { class: "mark wrong", title: "does not match the reference answer" }, "✗ incorrect") : null;
  const flip = cell.flip ? el("span", { class: `flip ${cell.flip}`, title: `${cell.flip} compared with the round before` }, cell.flip === "fixed" ? "✗→✓ fixed" : "✓→✗ broken") : null;
  const meta = cell.state === "waiting" ? "waiting" : cell.state === "failed" ? "failed"
    : [cell.version, count(cell.n_tokens, "token"), seconds(cell.duration_s)].join(" · ");
  const selected = chosen.includes(cell.round_id);
  return el("article", { class: `cell ${cell.state}${selected ? " selected" : ""}`, role: "listitem", "aria-busy": cell.state === "writing" },
    el("header", {}, el("h3", {}, name(cell)), mark, flip,
      ...verdictsOn(cell).map((text) => el("span", { class: "mine" }, text))),
    el("p", { class: "cell-meta" }, meta),
    thoughtOf(cell),
    responseOf(cell),
    endingOf(cell),
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

const missing = (cell) => cell.asked_again ? "no response: the model ended its turn at once, and again when it was asked to go on"
  : cell.thinking && cell.thought_end !== "model" ? "no response: the model did not finish its thought"
  : "no response: the model ended its turn at once";

const endingOf = (cell) => {
  if (cell.state !== "stored" || !cell.response) return null;
  const ended = { turn: "It ended its turn while thinking and was made to respond.", budget: "It used up its thought budget and was made to respond." }[cell.thought_end];
  const again = cell.asked_again ? "It ended its turn at once and was asked to go on." : null;
  return ended || again ? el("p", { class: "cell-meta ending" }, [ended, again].filter(Boolean).join(" ")) : null;
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
    return el("div", {}, text, gone ? el("p", { class: "gone", dir: "auto" }, "removed: " + gone) : null);
  }
  text.textContent = cell.response;
  if (cell.state === "stored" && !cell.response) text.append(el("em", {}, missing(cell)));
  else if (cell.truncated) text.append(el("em", {}, " (cut off at the token limit)"));
  return text;
};
