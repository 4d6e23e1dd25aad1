// @ts-check
// The reason for an answer: one line beside the buttons. What was typed stays until it is stored.

import { html } from "../html.js";
import { storage } from "../storage.js";

/** @typedef {{ key: string, words: string }} About the answer that it is for */

const LONGEST = 2000;
const KEPT = "reason";

export class Reason {
  /** @param {{ draw: () => void, focus: (part: string) => void, store: (about: About, text: string) => void }} desk */
  constructor(desk) {
    this.desk = desk;
    this.keptIn = storage("label");
    /** The open line. @type {About & { text: string, problem?: string } | null} */
    this.line = null;
  }

  /** Typed, and neither stored nor emptied: the next line opened is its. */
  get draft() {
    const typed = this.keptIn.read(KEPT);
    return typed?.text?.trim() ? { key: typed.key, words: typed.words, text: typed.text } : null;
  }

  restore() { this.line = this.draft; }

  /** @param {About} answer */
  open({ key, words }) {
    this.line = this.draft ?? { key, words, text: "" };
    this.desk.focus("#label-reason");
  }

  /** The server would not have it: the words are back in the line, to be mended. @param {About} about @param {string} text @param {string} problem */
  giveBack(about, text, problem) {
    this.type({ ...about, text });
    this.line = { ...about, text, problem };
  }

  /** @param {About & { text: string }} line */
  type(line) {
    this.line = line;
    this.keptIn.write(KEPT, line);
  }

  close() {
    this.line = null;
    this.desk.draw();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { line } = this;
    if (event.isComposing || !line || !["Enter", "Escape"].includes(event.key)) return; // Enter chooses a word there
    event.preventDefault();
    if (event.key === "Enter") {
      this.keptIn.drop(KEPT);
      if (line.text.trim()) this.desk.store(line, line.text.trim());
    }
    this.close();
  }
}

export const ReasonLine = (/** @type {{ reason: Reason }} */ { reason }) => {
  const { line } = reason;
  if (!line) return null;
  return html`
    <div class="label-reason">
      <label for="label-reason">Reason for “${line.words}”</label>
      <input type="text" id="label-reason" maxlength=${LONGEST} autocomplete="off" value=${line.text}
        placeholder="Enter saves it, Esc closes and keeps the draft"
        onInput=${(/** @type {any} */ event) => reason.type({ ...line, text: event.target.value })}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => reason.onKey(event)} />
      ${line.problem && html`<p class="label-problem" role="alert">${line.problem}</p>`}
    </div>`;
};
