// @ts-check
// The form of the Play page, which Gradio draws: it folds to the board's first line once there is an
// answer to look at. A page of the class "composing" shows it. On a page that is coming back to a run
// it stays folded from the start, so that nothing jumps when the run arrives.

import { storage } from "./storage.js";

const store = storage("play");
const CAME_BACK = "asked";
const WAIT_MS = 5000; // for the run of a page that came back; then the form is shown
const SETTLES_MS = 8000;
const LOOKS_MS = 30;

/** @returns {HTMLTextAreaElement | null} */
const promptField = () => document.querySelector("#prompt textarea");

export class Composer {
  /** @param {HTMLElement} frame what the styles reach @param {() => boolean} hasRun */
  constructor(frame, hasRun) {
    this.frame = frame;
    const comesBack = new URL(location.href).searchParams.has("run") || Boolean(store.read(CAME_BACK));
    this.fold(comesBack);
    if (comesBack) setTimeout(() => { if (!hasRun()) this.fold(false); }, WAIT_MS);
    this.began = performance.now();
    this.settle();
  }

  /** The form is shown once all of its parts are there, or after a while in any case. */
  settle() {
    const there = document.querySelector("#examples .gallery-item") && document.querySelector("#think input");
    if (there || performance.now() - this.began > SETTLES_MS) {
      requestAnimationFrame(() => this.frame.classList.add("settled"));
    } else {
      setTimeout(() => this.settle(), LOOKS_MS);
    }
  }

  /** @param {boolean} folded */
  fold(folded) { this.frame.classList.toggle("composing", !folded); }

  get isFolded() { return !this.frame.classList.contains("composing"); }

  /** An answer begins: the page shows it, from its top where one was shown already. @param {number} run @param {boolean} known */
  foldFor(run, known) {
    store.write(CAME_BACK, run);
    this.fold(true);
    if (known) window.scrollTo({ top: 0 });
  }

  edit() {
    this.fold(false);
    window.scrollTo({ top: 0 });
    const text = promptField();
    text?.dispatchEvent(new Event("input", { bubbles: true })); // Gradio measures its height, unknown while folded
    text?.focus();
    text?.setSelectionRange(text.value.length, text.value.length);
  }

  askNew() {
    const field = promptField();
    if (field) field.value = "";
    this.edit();
  }

  askAgain() { document.getElementById("run")?.click(); }
}
