// @ts-check
// The reason for an answer: one line beside the buttons. What was typed stays until it is stored.

import { html } from "../html.js";
import { storage } from "../storage.js";

const LONGEST = 2000;
const KEPT = "reason";
const store = storage("label");

/** What was typed, and neither stored nor emptied: the next line opened is its. @returns {ReasonLine | null} */
export const draft = () => {
  const typed = store.read(KEPT);
  return typed?.text?.trim() ? typed : null;
};

/** Keeps a line as it is typed. @param {ReasonLine} line */
export const keep = (line) => {
  store.write(KEPT, line);
  return line;
};

/** @param {{ line: ReasonLine | null, type: (line: ReasonLine) => void, save: (line: ReasonLine) => void, close: () => void }} props */
export const ReasonLine = ({ line, type, save, close }) => {
  if (!line) return null;
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return; // Enter chooses a word there
    event.preventDefault();
    if (event.key === "Enter") {
      store.drop(KEPT);
      const text = /** @type {HTMLInputElement} */ (event.target).value.trim(); // newer than what was drawn
      if (text) save({ ...line, text });
    }
    close();
  };
  return html`
    <div class="label-reason">
      <label for="label-reason">${line.isFlag ? "What is wrong with this pair?" : `Reason for “${line.words}”`}</label>
      <input type="text" id="label-reason" maxlength=${LONGEST} autocomplete="off" value=${line.text} onKeyDown=${onKey}
        placeholder="Enter saves it, Esc closes and keeps the draft"
        onInput=${(/** @type {any} */ { target }) => type(keep({ ...line, text: target.value }))} />
      ${line.problem && html`<p class="label-problem" role="alert">${line.problem}</p>`}
    </div>`;
};
