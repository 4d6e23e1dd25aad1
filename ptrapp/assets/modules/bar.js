// @ts-check
// The bar of every page: mark, pages, the version that answers, the job that runs, the person.
// What a role may not use is not in it; what it says comes from one route and is asked for again.

import { goDialog, keysDialog, openGo, openKeys } from "./dialogs.js";
import { mendFields } from "./fields.js";
import { html, icon, render } from "./html.js";
import { addressTo, onKeys, typing } from "./page.js";
import { addressOf, here, Pages } from "./pages.js";
import { call } from "./requests.js";
import { endInWords, jobAddress, RunningJob, tellElsewhere } from "./running_job.js";
import { Serving, ServingChip, ServingMenu } from "./serving.js";
import { speak } from "./spoken.js";
import { storage } from "./storage.js";

const EVERY_MS = 3_000;
const TOAST_MS = 6_000;
const KEPT = "frame"; // what the bar said last, so that the next page has it at once
const store = storage("bar");

const ARCS = ["M2 15a6 6 0 0 1 12 0", "M7 15a6 6 0 0 1 12 0", "M12 15a6 6 0 0 1 12 0"];
const Mark = () => html`
  <svg viewBox="0 0 26 18" aria-hidden="true">${ARCS.map((d) => html`<path d=${d} />`)}</svg>`;

/** @param {string} name */
export const initials = (name) =>
  name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => word[0].toUpperCase()).join("") || "?";

const Person = (/** @type {Frame} */ { name, role }) => html`
  <a class="avatar" href=${addressTo("account").pathname} title=${`${name}, ${role}`} aria-label=${`${name}, ${role}: account`}>
    ${initials(name)}
  </a>`;

class Bar {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.dialogs = document.createElement("div");
    this.dialogs.append(keysDialog.node, goDialog.node);
    this.drawn = document.createElement("div");
    root.replaceChildren(this.drawn, this.dialogs);
    /** @type {Frame | null} */
    this.frame = store.read(KEPT);
    this.asked = false; // whether the frame is this page's own
    this.serving = new Serving(() => this.draw());
    this.toast = "";
    this.toastJob = null;
    this.toastEnds = 0;
  }

  draw() {
    render(this.whole(), this.drawn);
  }

  whole() {
    const { frame, serving } = this;
    return html`
      <header class="bar-line-top">
        <a class="brand" href=${addressOf(frame?.pages[0] ?? "Play")}><${Mark} />thrice</a>
        <${Pages} names=${frame?.pages ?? []} />
        <span class="push"></span>
        <button type="button" class="barchip go" data-part="go" onClick=${() => this.go()}>
          ${icon("search")}Go to<kbd class="kbd">Ctrl K</kbd>
        </button>
        ${frame?.job && html`<${RunningJob} job=${frame.job} />`}
        ${frame?.serving && html`<${ServingChip} frame=${frame} />`}
        ${frame && html`<${Person} ...${frame} />`}
      </header>
      ${frame?.serving && html`<${ServingMenu} frame=${frame} serving=${serving} changed=${() => this.look()} />`}
      <div class="bar-toasts">${this.toast && this.drawToast()}</div>`;
  }

  drawToast() {
    return html`
      <div class="bar-toast" onMouseEnter=${() => clearTimeout(this.toastEnds)} onMouseLeave=${() => this.endToast()}
        onFocusIn=${() => clearTimeout(this.toastEnds)} onFocusOut=${() => this.endToast()}>
        ${this.toast} <a href=${this.toastJob}>Look</a>
      </div>`;
  }

  endToast() {
    clearTimeout(this.toastEnds);
    this.toastEnds = setTimeout(() => { this.toast = ""; this.draw(); }, TOAST_MS);
  }

  go() { openGo(this.frame?.pages ?? []); }

  async look() {
    let frame;
    try { frame = await call("GET", "/frame"); } catch { return; } // the banner says why
    if (this.asked && frame.ended && frame.ended.id !== this.frame?.ended?.id) this.tellEnd(frame.ended);
    this.frame = frame;
    this.asked = true;
    this.draw();
    store.write(KEPT, frame);
  }

  /** @param {Job} job */
  tellEnd(job) {
    this.toast = endInWords(job);
    this.toastJob = jobAddress(job);
    this.endToast();
    speak(this.toast);
    tellElsewhere(this.toast);
  }

  async keepLooking() {
    if (!document.hidden) await this.look();
    if (this.root.isConnected) setTimeout(() => this.keepLooking(), EVERY_MS);
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was the bar's */
  onKey(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.altKey && event.key.toLowerCase() === "k") {
      if (!goDialog.isOpen) this.go();
      return true;
    }
    if (event.key === "?" && here() !== "Label" && !command && !typing(event.target)) {
      openKeys();
      return true;
    }
    return false;
  }
}

/** @param {Host} host */
export const mount = ({ element }) => {
  const bar = new Bar(/** @type {HTMLElement} */ (element.querySelector(".bar")));
  bar.draw();
  bar.keepLooking();
  mendFields();
  onKeys(bar.root, (event) => { if (bar.onKey(event)) event.preventDefault(); }, true);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && bar.root.isConnected) bar.look();
  });
};
