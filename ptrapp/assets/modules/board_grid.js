// @ts-check
// The middle of the board: the cards of a run, or the two of a pair.

import { Arrow, Card, Side, stepTo } from "./card.js";
import { html } from "./html.js";
import { keyOf } from "./run.js";

/** Runs of a chain have an arrow between two cards. @param {unknown[]} cells */
export const columnsOf = (cells) => cells.map(() => "minmax(var(--card), 1fr)").join(" var(--arrow) ");

export const Grid = (/** @type {{ board: Board }} */ { board }) => {
  const { pair, run } = board;
  if (pair) {
    return html`
      <section key="pair" class="board-grid pair" aria-label="Two responses">
        <${Side} letter="A" cell=${pair.left} /><${Side} letter="B" cell=${pair.right} />
      </section>`;
  }
  const chain = run.mode === "refine";
  return html`
    <section key=${run.run_id} class=${`board-grid ${chain ? "chain" : "candidates"}`}
      aria-label=${chain ? "Rounds" : "Candidates"} style=${`--chain: ${columnsOf(run.cells)}`}>
      ${run.cells.flatMap((cell, at) => {
        const key = keyOf(run, cell);
        const card = html`<${Card} key=${key} board=${board} cell=${cell} />`;
        return chain && at ? [html`<${Arrow} key=${`to ${key}`} step=${stepTo(cell)} />`, card] : [card];
      })}
    </section>`;
};
