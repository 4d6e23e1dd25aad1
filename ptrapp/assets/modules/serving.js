// @ts-check
// The chip with the version that answers, and what it opens: roll back, serve another, Versions.

import { html, icon } from "./html.js";
import { addressOf } from "./pages.js";
import { call } from "./requests.js";

/** @typedef {{ serving: string, parent: string | null, may_serve: boolean }} Frame */
/** @typedef {{ name: string, title: string | null, status: string, gate: string | null }} Version */

const MOST_OFFERED = 6;

/** @param {{ frame: Frame, open: boolean, onPress: () => void }} props */
export const ServingChip = ({ frame, open, onPress }) => html`
  <button type="button" class="barchip serving" data-part="serving" aria-haspopup="dialog"
    aria-expanded=${String(open)} aria-label=${`${frame.serving} answers: serve another or roll back`}
    onClick=${onPress}>
    <span class="dot" aria-hidden="true"></span><span class="name">${frame.serving}</span>${icon("down")}
  </button>`;

/** Returns the versions that may be served in place of the one that answers. @param {Frame} frame */
export const others = async (frame) => {
  /** @type {Version[]} */
  const all = await call("GET", "/versions");
  const stands = [frame.serving, frame.parent];
  return all
    .filter((one) => ["ready", "retired"].includes(one.status) && !stands.includes(one.name))
    .filter((one) => !["measuring", "waits"].includes(one.gate ?? ""))
    .slice(0, MOST_OFFERED);
};

export const rollBack = () => call("POST", "/versions/rollback");

/** @param {string} name */
export const serve = (name) => call("POST", `/versions/${encodeURIComponent(name)}/serve`, {});

/**
 * @param {{ frame: Frame, offered: Version[], problem: string, change: (work: () => Promise<unknown>) => void }} props
 */
export const ServingMenu = ({ frame, offered, problem, change }) => html`
  <p><b>${frame.serving}</b> answers the next prompt.</p>
  ${frame.may_serve && frame.parent && html`
    <button type="button" class="btn s" data-part="rollback" onClick=${() => change(rollBack)}>
      Roll back to ${frame.parent}
    </button>`}
  <div class="others">
    ${offered.map((one) => html`
      <button key=${one.name} type="button" class="btn quiet s" data-part=${`serve ${one.name}`}
        onClick=${() => change(() => serve(one.name))}>
        Serve ${one.name}${one.title && html`<small>${one.title}</small>`}
      </button>`)}
  </div>
  <p class="bad" role="alert">${problem}</p>
  <a href=${addressOf("Versions")}>Is it better? Versions</a>`;
