// @ts-check
// The pages of the app, where each is, and which one this is.

import { html, icon } from "./html.js";
import { addressTo } from "./page.js";

/** @type {Record<string, [string, Parameters<typeof icon>[0]]>} */
const PAGES = {
  Play: ["./", "play"],
  History: ["history", "data"],
  Label: ["label", "label"],
  Campaigns: ["campaigns", "data"],
  Versions: ["versions", "versions"],
  Train: ["train", "train"],
  Data: ["data", "data"],
  People: ["people", "lock"],
};

/** @param {string} name */
export const addressOf = (name) => addressTo(PAGES[name][0]).pathname;

const trimmed = (/** @type {string} */ path) => path.replace(/\/$/, "");

/** Returns the name of the page that is shown. */
export const here = () =>
  Object.keys(PAGES).find((name) => trimmed(addressOf(name)) === trimmed(location.pathname));

/** Links to the pages of these names. @param {{ names: string[] }} props */
export const Pages = ({ names }) => html`
  <nav class="bar-nav" aria-label="Pages">
    ${names
      .filter((name) => PAGES[name])
      .map((name) => html`
        <a href=${addressOf(name)} aria-current=${name === here() ? "page" : null}>
          ${icon(PAGES[name][1])}${name}
        </a>`)}
  </nav>`;
