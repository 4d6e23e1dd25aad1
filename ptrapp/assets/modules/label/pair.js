// @ts-check
// One comparison on the screen: what was asked, and two responses side by side, A and B.

import { html } from "../html.js";
import { Rendered } from "../rendered.js";

const Block = (/** @type {{ title: string, markup: string }} */ { title, markup }) => html`
  <section class="label-turn" aria-label=${title}><h3>${title}</h3><${Rendered} name="label-text" markup=${markup} /></section>`;

const Diff = (/** @type {{ side: string, pieces: Required<Pair>["pieces"] }} */ { side, pieces }) => {
  const [only, tag] = side === "left" ? ["removed", "mark"] : ["added", "ins"];
  const same = pieces.every(([, kind]) => kind === "same");
  return html`
    <p class="label-diff">
      ${pieces.map(([piece, kind]) => {
        if (kind !== only) return kind === "same" ? piece : null;
        const words = piece.trimStart(); // the space before a word is nobody's change
        return [piece.slice(0, piece.length - words.length), html`<${tag}>${words}</${tag}>`];
      })}${same && html`<em> (no differences)</em>`}
    </p>`;
};

/**
 * `outcome` is the answer that is lit: its side, or both.
 * @param {{ pair: Pair, outcome: string | null, diff: boolean, watch: (node: HTMLElement | null) => void }} props
 */
export const PairView = ({ pair, outcome, diff, watch }) => {
  const what = pair.aspect === "thought" ? "Thought" : "Response";
  const isLit = (/** @type {string} */ side) => outcome === side || outcome === "tie" || outcome === "both_bad";
  const side = (/** @type {"left" | "right"} */ name, /** @type {string} */ letter) => html`
    <section class=${`label-side${isLit(name) ? " hit" : ""}`} data-side=${name} aria-label=${`${what} ${letter}`}>
      <h3><span class="label-unseen">${what} </span><span class="label-letter">${letter}</span></h3>
      <${Rendered} name="label-text" tab=${0} markup=${pair[name].text.trim() ? pair[name].html : "<em>(empty)</em>"}>
        ${diff && pair.pieces && html`<${Diff} side=${name} pieces=${pair.pieces} />`}
      </${Rendered}>
    </section>`;
  return html`
    <div class="label-pair" ref=${watch}>
      <div class="label-asked" key=${pair.key}>
        ${pair.system && html`<details class="label-system"><summary>System message</summary><p>${pair.system}</p></details>`}
        ${pair.context.map(({ role, html: markup }) => html`
          <${Block} title=${role === "user" ? "Earlier user message" : "Earlier response"} markup=${markup} />`)}
        <${Block} title="Prompt" markup=${pair.prompt_html} />
      </div>
      <div class="label-sides">${side("left", "A")}${side("right", "B")}</div>
    </div>`;
};

/** How far a key scrolls, in heights of what is scrolled; a little stays in sight. @type {Record<string, number>} */
const SCROLLS = { PageDown: 0.85, PageUp: -0.85, Home: -Infinity, End: Infinity };

/** Scrolls both responses, and the prompt, where a panel has not the focus. @param {Element} root @param {KeyboardEvent} event */
export const scrollPair = (root, { key, target }) => {
  const heights = SCROLLS[key];
  if (!heights || (target instanceof Element && target.closest(".label-panel"))) return false;
  const parts = [...root.querySelectorAll(".label-asked, .label-side .label-text")];
  const moved = parts.map((part) => {
    const before = part.scrollTop;
    part.scrollTop = Math.min(Math.max(before + heights * part.clientHeight, 0), part.scrollHeight);
    return part.scrollTop !== before;
  });
  return moved.some(Boolean); // else the page scrolls, where it can
};

/** What is wider than its column can be scrolled by keyboard too, for as long as it is. @param {Element} root */
export const reachWide = (root) => {
  for (const wide of root.querySelectorAll(":is(pre, table, math[display=block])")) {
    if (wide.scrollWidth > wide.clientWidth) wide.setAttribute("tabindex", "0");
    else wide.removeAttribute("tabindex");
  }
};
