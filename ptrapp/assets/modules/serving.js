// @ts-check
// The chip with the version that answers, and what it opens: roll back, serve another, Versions.

import { html, icon } from "./html.js";
import { addressOf } from "./pages.js";
import { call } from "./requests.js";

const MOST_OFFERED = 6;

/** @param {{ frame: Frame }} props */
export const ServingChip = ({ frame }) => html`
  <button type="button" class="barchip serving" data-part="serving" popovertarget="serving-menu"
    aria-label=${`${frame.serving} ${frame.awaits_model ? "answers once its model is loaded" : "answers"}: serve another or roll back`}>
    <span class=${`dot${frame.awaits_model ? " awaits" : ""}`} aria-hidden="true"></span><span class="name">${frame.serving}</span>${icon("down")}
  </button>`;

/** Returns the versions that may be served in place of the one that answers. @param {Frame} frame */
const others = async (frame) => {
  /** @type {Version[]} */
  const all = await call("GET", "/versions");
  const stands = [frame.serving, frame.parent];
  return all
    .filter((one) => ["ready", "retired"].includes(one.status) && !stands.includes(one.name))
    .filter((one) => !["measuring", "waits"].includes(one.gate ?? ""))
    .slice(0, MOST_OFFERED);
};

const rollBack = () => call("POST", "/versions/rollback");

/** @param {string} name */
const serve = (name) => call("POST", `/versions/${encodeURIComponent(name)}/serve`, {});

/**
 * What the chip opens; the browser opens and closes it. `changed` hears that another version serves.
 * @param {{ frame: Frame, serving: Serving, changed: () => Promise<void> }} props
 */
export const ServingMenu = ({ frame, serving, changed }) => {
  const change = (/** @type {() => Promise<unknown>} */ work) => async (/** @type {any} */ { target }) => {
    const menu = target.closest(".bar-menu");
    if (!(await serving.attempt(work))) return;
    menu.hidePopover();
    await changed();
  };
  const left = (/** @type {any} */ { currentTarget: menu, relatedTarget: to }) => {
    if (to && !menu.contains(to)) menu.hidePopover(); // it would lie on what has the focus
  };
  return html`
    <div class="bar-menu" id="serving-menu" popover="auto" role="dialog" aria-label="The version that answers"
      onToggle=${(/** @type {any} */ { newState }) => newState === "open" && serving.look(frame)}
      onFocusOut=${left} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.stopPropagation()}>
      <p tabindex="-1" autofocus><b>${frame.serving}</b> answers the next prompt.</p>
      ${frame.may_serve && frame.parent && html`
        <button type="button" class="btn s" data-part="rollback" onClick=${change(rollBack)}>
          Roll back to ${frame.parent}
        </button>`}
      <div class="others">
        ${serving.offered.map((one) => html`
          <button key=${one.name} type="button" class="btn quiet s" data-part=${`serve ${one.name}`}
            onClick=${change(() => serve(one.name))}>
            Serve ${one.name}${one.title && html`<small>${one.title}</small>`}
          </button>`)}
      </div>
      <p class="bad" role="alert">${serving.problem}</p>
      <a href=${addressOf("Versions")}>Is it better? Versions</a>
    </div>`;
};

/** What the menu offers, and what stood against a change. */
export class Serving {
  /** @type {Version[]} */
  offered = [];
  problem = "";

  /** @param {() => void} draw */
  constructor(draw) { this.draw = draw; }

  /** Returns whether it went well. @param {() => Promise<unknown>} work */
  async attempt(work) {
    this.problem = "";
    try { await work(); } catch (error) { this.problem = /** @type {Error} */ (error).message; }
    this.draw();
    return !this.problem;
  }

  /** @param {Frame} frame */
  look(frame) {
    if (frame.may_serve) this.attempt(async () => { this.offered = await others(frame); });
  }
}
