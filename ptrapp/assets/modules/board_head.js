// @ts-check
// The board's head: the prompt as the page's heading, how it was asked, and one quiet line of facts.

import { link, pin, star, stop } from "./board_asking.js";
import { html, icon } from "./html.js";
import { addressTo } from "./page.js";
import { isOfVersions } from "./run.js";
import { count } from "./words.js";

const LONG = 280; // characters of a prompt that is cut until it is asked for
/** Who gave the reference answer. @type {Record<string, string>} */
const FROM = { typed: " (typed)", example: " (from the example)", program: " (from a program)" };
/** @type {Record<string, string>} */
const THINKS = { always: "thinks in every one", later: "thinks from round 2 on", never: "does not think" };

/** Says how the prompt was asked. @param {Run} run */
const asked = (run) => {
  const { n, thinking, versions } = run.settings;
  const refine = run.mode === "refine";
  const many = n ? count(n, refine ? "round" : "candidate") : null;
  const parts = isOfVersions(run) ? [`Versions · ${versions?.join(", ")}`] : [refine ? "Refine" : "Sample", many];
  return [...parts, THINKS[thinking]].filter(Boolean).join(" · ");
};

export const Head = (/** @type {OfBoard} */ { board }) => {
  const { run, now: { offer, wholePrompt } } = board;
  const long = run.prompt.length > LONG && !offer;
  const cut = long && !wholePrompt;
  const prompt = html`<h1 class=${`board-prompt${cut ? " cut" : ""}`} dir="auto" tabindex="-1">${run.prompt}</h1>`;
  const system = run.system && html`
    <details class="board-system"><summary>System message</summary><p dir="auto">${run.system}</p></details>`;
  const earlier = run.context.length > 0 && html`
    <details class="board-system"><summary>${count(run.context.length, "earlier turn")}</summary>
      ${run.context.map(({ role, content }) => html`<p dir="auto"><b>${role}</b> ${content}</p>`)}
    </details>`;
  if (offer) return html`<div class="folded">${prompt}</div>${system}${earlier}`;
  return html`
    <div class="folded">
      ${prompt}
      ${long && html`
        <button type="button" class="btn quiet s" data-part="whole" aria-expanded=${String(wholePrompt)}
          onClick=${() => { board.now.wholePrompt = !wholePrompt; board.draw(); }}>${wholePrompt ? "Less" : "All of it"}</button>`}
      <span class="board-asked">${asked(run)}</span>
      ${!board.readOnly && html`<${Asking} board=${board} />`}
    </div>
    ${system}
    ${earlier}
    <${Facts} board=${board} />
    ${run.message && html`<p class=${`board-message${run.state === "stopped" ? " plain" : ""}`} role="alert">${run.message}</p>`}`;
};

const Asking = (/** @type {OfBoard} */ { board: { composer, run } }) => {
  const asked = run.settings.thinking; // what a program stored is not in the form
  return html`
    ${asked && html`
      <button type="button" class="btn quiet s" data-part="edit" aria-label="Edit the prompt"
        onClick=${() => composer.edit()}>${icon("pen")}<span>Edit</span></button>`}
    <button type="button" class="btn quiet s" data-part="new" aria-label="New question"
      onClick=${() => composer.askNew()}>${icon("plus")}<span>New question</span></button>
    ${asked && html`
      <button type="button" class="btn s" data-part="again" title="asks the form's prompt again"
        onClick=${() => composer.askAgain()}>Again<kbd>R</kbd></button>`}`;
};

/** @param {Run} run */
const referenceOf = (run) => {
  if (!run.reference_in_words) return "no reference answer, so responses are not checked";
  const asks = run.reference_in_words === run.reference_answer ? "reference answer" : "asked for";
  return `${asks}: ${run.reference_in_words}${FROM[run.settings.reference_from ?? ""] ?? ""}`;
};

/** @param {Run} run */
const factsOf = (run) => {
  const state = run.state === "running" ? "generating…" : run.state === "done" ? null : run.state;
  const version = isOfVersions(run) ? null : run.version === "import" ? "answers of a file" : `model version ${run.version}`;
  return [run.title || null, state, version, referenceOf(run)].filter(Boolean).join(" · ");
};

const Facts = (/** @type {OfBoard} */ { board }) => {
  const { run } = board;
  const canDiff = run.mode === "refine" && run.cells.some((cell) => cell.diff.length);
  return html`
    <div class="runline">
      ${!board.readOnly && html`<${Keeping} board=${board} />`}
      <p class="board-facts">
        <span class="wide">${factsOf(run)} · </span>
        ${board.readOnly && "Read-only · "}
        <a href=${addressTo(`./?run=${run.run_id}${board.readOnly ? "&read=1" : ""}`).href}>run ${run.run_id}</a> · <a href="history">History</a>
      </p>
      ${run.state === "running" && html`
        <button type="button" class="btn s danger" data-part="stop" onClick=${() => stop(board)}>
          Stop<kbd>Esc</kbd>
        </button>`}
      ${canDiff && html`
        <button type="button" class="btn s" data-part="changes" aria-label="What changed" title="What changed"
          aria-pressed=${String(board.showChanges)}
          onClick=${() => board.set({ showChanges: !board.showChanges })}>${icon("diff")}<span>What changed</span><kbd>D</kbd></button>`}
    </div>
    ${run.reference_in_words && html`<p class="board-asks">${referenceOf(run)}</p>`}`;
};

/**
 * @param {{ part: string, sign: Parameters<typeof icon>[0], label: string, action: () => void, pressed?: boolean }} props
 */
const Small = ({ part, sign, label, action, pressed }) => html`
  <button type="button" class=${`btn quiet s ${part}`} data-part=${part} aria-label=${label} title=${label}
    aria-pressed=${pressed === undefined ? null : String(pressed)} onClick=${action}>${icon(sign)}</button>`;

/** What a person keeps of a run: its star, its prompt for every version, a link to it. */
const Keeping = (/** @type {OfBoard} */ { board }) => {
  const { run } = board;
  return html`
    ${run.is_kept && html`
      <${Small} part="star" sign="star" label="Star this run" pressed=${run.starred} action=${() => star(board)} />`}
    ${run.state !== "running" && html`
      <${Small} part="pin" sign="pin" label="Pin this prompt: every version answers it" pressed=${run.pin_id !== null}
        action=${() => pin(board)} />`}
    <${Small} part="link" sign="link" label="Copy a read-only link to this run" action=${() => link(board)} />`;
};
