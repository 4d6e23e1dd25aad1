// @ts-check
// A card of the board: a round's marks, its response and what changed, and its thought as a strip.

import { choose, toggleThought } from "./board_asking.js";
import { html, icon } from "./html.js";
import { Rendered } from "./rendered.js";
import { betterBy, cellOf, isOfVersions, nameOf, numberOf, votesOn } from "./run.js";
import { count, seconds } from "./words.js";

/** @type {Record<string, [string, Parameters<typeof icon>[0], string, string]>} */
const MARKS = {
  true: ["ok", "check", "right", "matches the reference answer"],
  false: ["bad", "x", "wrong", "does not match the reference answer"],
};

export const Mark = (/** @type {{ correct: boolean | null }} */ { correct }) => {
  const [tone, sign, word, title] = MARKS[String(correct)] ?? [];
  return sign ? html`<span class=${`chip mark ${tone}`} title=${title}>${icon(sign)}${word}</span>` : null;
};

/** Returns what the person said of a round, in words. @param {Run} run @param {Cell} cell */
export const verdictsOn = (run, cell) =>
  votesOn(run)
    .filter((vote) => vote.left === cell.round_id || vote.right === cell.round_id)
    .flatMap((vote) => {
      const on = vote.left === cell.round_id ? "left" : "right";
      const other = cellOf(run, on === "left" ? vote.right : vote.left);
      const of = (/** @type {string} */ word) => (other ? `${word} ${numberOf(run, other)}` : "");
      if (vote.outcome === "tie") return [`your vote: tie${of(" with")}`];
      if (vote.outcome === "both_bad") return [`your vote: both bad${of(", with")}`];
      return vote.outcome === on ? [`your vote: ${betterBy(vote)}${of(" than")}`] : [];
    });

/** @param {Run} run @param {Cell} cell */
const factsOf = (run, cell) => {
  const stopped = cell.state === "stopped";
  const nothing = cell.state === "waiting" || cell.state === "failed" || (stopped && !cell.n_tokens);
  if (nothing) return cell.state;
  const hidden = cell.version ? null : "version told after your vote";
  const version = isOfVersions(run) ? hidden : cell.version;
  const cost = cell.n_tokens ? [count(cell.n_tokens, "token"), seconds(cell.duration_s)] : []; // none of a file's
  return [stopped ? "stopped" : null, ...cost, version].filter(Boolean).join(" · ");
};

export const Card = (/** @type {{ board: Board, cell: Cell }} */ { board, cell }) => {
  const { run } = board;
  const name = nameOf(run, cell);
  const selected = cell.round_id !== null && board.now.chosen.includes(cell.round_id);
  return html`
    <article class=${`cell ${cell.state}${selected ? " selected" : ""}`} aria-label=${name}
      aria-busy=${String(cell.state === "writing")}>
      <div class="answer">
        <header>
          <h2>${name}</h2>
          ${cell.version && isOfVersions(run) && html`
            <span class="chip version" title="the version that answered">${cell.version}</span>`}
          ${verdictsOn(run, cell).map((words) => html`<span class="chip acc mine">${words}</span>`)}
          <${Mark} correct=${cell.correct} />
        </header>
        <${Response} cell=${cell} changes=${board.showChanges} />
        <${Ending} cell=${cell} />
        ${cell.missed?.length > 0 && html`<p class="cell-meta ending">Missed: ${cell.missed.join("; ")}.</p>`}
        <footer>
          <p class="cell-meta">${factsOf(run, cell)}</p>
          ${board.isComparable(cell) && html`
            <button class="btn s pick" data-part="pick" data-round=${cell.round_id} type="button" aria-pressed=${String(selected)}
              onClick=${() => choose(board, cell)}>
              ${selected ? "Chosen" : "Compare"}<kbd>${numberOf(run, cell)}</kbd>
            </button>`}
        </footer>
      </div>
      <${Thought} board=${board} cell=${cell} />
    </article>`;
};

/** One side of a pair: the response alone. Nothing here tells which round it is. */
export const Side = (/** @type {{ letter: string, cell: Cell }} */ { letter, cell }) => html`
  <article class="cell side" aria-label=${`Response ${letter}`}>
    <div class="answer">
      <header><span class="letter" aria-hidden="true">${letter}</span></header>
      <${Response} cell=${cell} changes=${false} />
    </div>
  </article>`;

/** @type {Record<string, Parameters<typeof icon>[0]>} */
const ARROWS = { fixed: "check", broken: "x", changed: "swap", same: "same", untold: "dots" };

/**
 * What a round did to the one before: right or wrong where both were checked, else whether the words differ. Nothing is
 * told before it is there, where neither says a word, and of a run of which a pair is being compared.
 * @param {Cell} cell
 */
export const stepTo = (cell) => {
  if (cell.state !== "stored" || (!cell.flip && !cell.diff.length)) return "untold";
  return cell.flip ?? (cell.diff.every(([, kind]) => kind === "same") ? "same" : "changed");
};

export const Arrow = (/** @type {{ step: string }} */ { step }) => html`
  <div class=${`arrow ${step}`}>
    <span>${icon(ARROWS[step])}</span><b>${step === "untold" ? "" : step}</b>
  </div>`;

const Thought = (/** @type {{ board: Board, cell: Cell }} */ { board, cell }) => {
  const begun = cell.state === "writing" || cell.state === "stored" || (cell.state === "stopped" && cell.n_tokens > 0);
  if (!cell.thinking || !begun) return null;
  if (board.readOnly && cell.thought === null) return null; // opening one is a change: votes are not blind then
  const writing = cell.state === "writing" && !cell.response;
  const stored = `${count(cell.n_thought_tokens, "token")} · ${seconds(cell.thought_s)}`;
  const facts = cell.state === "stored" ? stored : writing ? count(cell.n_tokens, "token") : "";
  const open = cell.thought !== null && !board.isFolded(cell);
  return html`
    <div class="thought">
      <button type="button" data-part="thought" aria-expanded=${String(open)}
        onClick=${() => toggleThought(board, cell)}>
        ${icon(open ? "down" : "right")}${writing ? "Thinking…" : "Thought"}<small>${facts}</small>
      </button>
      ${open && html`<p class="thought-text" dir="auto">${cell.thought}</p>`}
    </div>`;
};

/** @param {Cell} cell */
const missing = (cell) => {
  if (cell.asked_again) return "no response: the model ended its turn at once, and again when it was asked to go on";
  const cut = cell.thinking && cell.thought_end !== "model";
  return cut ? "no response: the model did not finish its thought" : "no response: the model ended its turn at once";
};

/** @type {Record<string, string>} */
const ENDINGS = {
  turn: "It ended its turn while thinking and was made to respond.",
  budget: "It used up its thought budget and was made to respond.",
};

const Ending = (/** @type {{ cell: Cell }} */ { cell }) => {
  if (cell.state !== "stored" || !cell.response) return null;
  const again = cell.asked_again ? "It ended its turn at once and was asked to go on." : null;
  const words = [ENDINGS[cell.thought_end ?? ""], again].filter(Boolean).join(" ");
  return words ? html`<p class="cell-meta ending">${words}</p>` : null;
};

const Response = (/** @type {{ cell: Cell, changes: boolean }} */ { cell, changes }) => {
  if (cell.state === "failed") return html`<p class="response bad" role="alert">${cell.error}</p>`;
  if (changes && cell.diff.length) return html`<${Changes} diff=${cell.diff} />`;
  const silent = cell.state === "stored" && !cell.response;
  const cut = !silent && cell.truncated && html`<em> (cut off at the token limit)</em>`;
  if (cell.html) return html`<div><${Rendered} name="response" markup=${cell.html} />${cut && html`<p class="response">${cut}</p>`}</div>`;
  return html`<p class="response" dir="auto">${cell.response}${silent && html`<em>${missing(cell)}</em>`}${cut}</p>`;
};

const Changes = (/** @type {{ diff: Cell["diff"] }} */ { diff }) => {
  const same = diff.every(([, kind]) => kind === "same");
  const kept = diff.filter(([, kind]) => kind !== "removed");
  const gone = diff.filter(([, kind]) => kind === "removed").map(([piece]) => piece.trim()).join(" … ");
  return html`
    <div>
      <p class="response" dir="auto">
        ${same && html`<em>(unchanged) </em>`}
        ${kept.map(([piece, kind]) => (kind === "added" ? html`<ins>${piece}</ins>` : piece))}
      </p>
      ${gone && html`<p class="gone" dir="auto">removed: ${gone}</p>`}
    </div>`;
};
