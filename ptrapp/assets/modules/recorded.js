// @ts-check
// The recorded run of an untouched Play page: a real run, played once, of the shipped version or of
// the base. It leaves with the first run of one's own (part_recorded.css).

import { columnsOf } from "./board_grid.js";
import { Arrow, Mark } from "./card.js";
import { html, render } from "./html.js";
import { count, seconds } from "./words.js";

/** Seconds at which each round's thought begins, its response begins, its verdict is there. */
const TIMES = [[0.0, 0.3, 2.6], [3.0, 3.8, 5.6], [6.0, 7.0, 9.6]];
const END_S = 10;
const FRAME_MS = 60;

/**
 * Returns what stands on a round's card so many seconds into the recording.
 * @param {RecordedRound} round @param {number} index @param {number} at
 */
export const roundAt = (round, index, at) => {
  const [begins, writes, ends] = TIMES[index];
  const part = (/** @type {string} */ text, /** @type {number} */ from, /** @type {number} */ to) =>
    text.slice(0, Math.round(text.length * Math.min(1, Math.max(0, (at - from) / (to - from)))));
  const state = at < begins ? "waiting" : at < ends ? "writing" : "stored";
  return { state, thought: part(round.thought, begins, writes), response: part(round.response, writes, ends) };
};

/** @param {RecordedRound[]} rounds @param {number} index @param {number} at */
export const stepAt = (rounds, index, at) => {
  const [before, after] = [rounds[index - 1], rounds[index]];
  if (at < TIMES[index][2]) return "waiting";
  if (before.correct !== after.correct) return after.correct ? "fixed" : "broken";
  return before.response === after.response ? "same" : "changed";
};

const Take = (/** @type {{ round: RecordedRound, index: number, at: number, version: string }} */ { round, index, at, version }) => {
  const { state, thought, response } = roundAt(round, index, at);
  const facts = [count(round.n_tokens, "token"), seconds(round.duration_s), version].join(" · ");
  return html`
    <article class=${`take ${state}`} aria-label=${`Round ${index + 1}`}>
      <div class="answer">
        <header><h3>Round ${index + 1}</h3>${state === "stored" && html`<${Mark} correct=${round.correct} />`}</header>
        <p class="response">${response}</p>
        <footer><p class="cell-meta">${state === "stored" ? facts : state}</p></footer>
      </div>
      <div class="thought"><p class="recorded-thought"><b>Thought </b>${thought}</p></div>
    </article>`;
};

/** Puts the recorded prompt into the form; as an example it has its reference answer with it. @param {string} prompt */
const askIt = (prompt) => {
  const examples = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#examples .gallery-item")]);
  examples.find((one) => one.textContent?.includes(prompt.slice(0, 24)))?.click();
  window.scrollTo({ top: 0 });
  /** @type {HTMLElement | null} */ (document.querySelector("#prompt textarea"))?.focus({ preventScroll: true });
};

class Film {
  at = matchMedia("(prefers-reduced-motion: reduce)").matches ? END_S : 0; // seconds into the recording
  paused = false; // by a person
  hovered = false;
  timer = 0;

  /** @param {HTMLElement} root @param {Recording} recording */
  constructor(root, recording) {
    this.root = root;
    this.recording = recording;
    this.version = recording.version;
    this.goTo(this.at);
  }

  /** @param {number} at */
  goTo(at) {
    this.at = Math.min(END_S, at);
    this.draw();
    if (this.at < END_S) this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.step(), FRAME_MS);
  }

  step() {
    if (this.paused || this.hovered || document.hidden) this.wait();
    else this.goTo(this.at + FRAME_MS / 1000);
  }

  hold() {
    this.paused = this.at < END_S && !this.paused;
    this.goTo(this.at < END_S ? this.at : 0);
  }

  /** @param {string} version */
  choose(version) {
    this.version = version;
    this.draw();
  }

  draw() {
    const { recording, version, at } = this;
    /** @type {RecordedRound[]} */
    const rounds = recording[version];
    const held = at >= END_S ? "Play again" : this.paused ? "Go on" : "Pause";
    const choice = (/** @type {string} */ name) => html`
      <button type="button" class="btn s" data-part=${name} aria-pressed=${String(name === version)} title=${name === "base" ? "the model as it came" : "the same model, taught to think again"}
        onClick=${() => this.choose(name)}>${name}</button>`;
    render(html`
      <div class="recorded-head">
        <span class="chip acc">Recorded run</span><h2 dir="auto">${recording.prompt}</h2>
        <span class="recorded-versions" role="group" aria-label="Version">${choice("base")}${choice(recording.version)}</span>
      </div>
      <div class="board-grid chain" style=${`--chain: ${columnsOf(rounds)}`}
        onPointerEnter=${(/** @type {PointerEvent} */ event) => { this.hovered = event.pointerType === "mouse"; }}
        onPointerLeave=${() => { this.hovered = false; }}>
        ${rounds.flatMap((round, index) => [
          index > 0 && html`<${Arrow} step=${stepAt(rounds, index, at)} />`,
          html`<${Take} round=${round} index=${index} at=${at} version=${version} />`,
        ])}
      </div>
      <div class="recorded-foot">
        <button type="button" class="btn s" data-part="hold" onClick=${() => this.hold()}>${held}</button>
        <progress max=${END_S} value=${at} aria-label="of the recording"></progress>
        <span class="recorded-clock">${Math.round(at)} of ${END_S} s</span>
        <span class="wide">Made by <code>${recording.command}</code></span>
        ${recording.measured && html`<a href="versions">${recording.measured}</a>`}
        <button type="button" class="btn s" data-part="ask" title=${version === recording.serving ? "" : `${recording.serving} answers now. To ask ${version}, let it answer: by the name at the top of the page.`}
          onClick=${() => askIt(recording.prompt)}>Ask ${version === recording.serving ? "it" : recording.serving} yourself</button>
      </div>`, this.root);
  }
}

/** @param {Host<Recording>} host */
export const mount = ({ element, props, watch }) => {
  const root = /** @type {HTMLElement} */ (element.querySelector(".recorded"));
  const board = document.querySelector("#thrice-board .board");
  /** @type {Film | null} */
  let film = null;
  let over = false;
  const take = () => {
    root.hidden = over || !props.value?.prompt;
    if (!root.hidden) film ??= new Film(root, /** @type {Recording} */ (props.value));
  };
  // With a run of one's own on the board it is over, for good.
  const watcher = new MutationObserver(() => {
    if (board?.hasAttribute("hidden")) return;
    watcher.disconnect();
    clearTimeout(film?.timer);
    over = root.hidden = true;
    render(null, root);
  });
  if (board) watcher.observe(board, { attributes: true, attributeFilter: ["hidden"] });
  watch("value", take);
  take();
};
