// @ts-check
// What draws: Preact's elements, written as tagged templates, which need no build step.
// Model text only ever enters a page as a text child. Markup of it, which the server made and
// sanitised, enters on the desk alone (label/pair.js).

import htm from "./vendor/htm.js";
import { Component, h, render } from "./vendor/preact.js";

export const html = htm.bind(h);
export { Component, render };

// Signs of 16 × 16, drawn here so that no font has to have them.
const SIGNS = {
  check: "M3.5 8.5l3 3 6-7", x: "M4.5 4.5l7 7M11.5 4.5l-7 7", same: "M4 6.2h8M4 9.8h8",
  swap: "M3 6h9.5L10 3.5M13 10H3.5L6 12.5", dots: "M4 8h.1M8 8h.1M12 8h.1",
  right: "M6 4l4 4-4 4", down: "M4 6l4 4 4-4", pen: "M3 13l.6-2.8L10.7 3.1l2.2 2.2-7.1 7.1z",
  plus: "M8 3.5v9M3.5 8h9", diff: "M8 2.5v6M5 5.5h6M5 12.5h6",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.5 3.5", play: "M5 3.5v9l7.5-4.5z",
  label: "M2.5 3.5h4.5v9H2.5zM9 3.5h4.5v9H9z", versions: "M3 13V8M8 13V3M13 13V6",
  train: "M2.5 12.5l4-4.5 2.5 2 4.5-6M10 4h3.5v3.5",
  data: "M3 4.5c0-2 10-2 10 0v7c0 2-10 2-10 0zM3 4.5c0 2 10 2 10 0M3 8c0 2 10 2 10 0",
  star: "M8 2.2l1.8 3.7 4 .6-2.9 2.8.7 4L8 11.4l-3.6 1.9.7-4-2.9-2.8 4-.6z",
  pin: "M6 2.5h4l-.5 4.5 2 2.5h-7l2-2.5zM8 9.5v4",
  link: "M6.5 9.5l3-3M7 4.5l1-1a2.6 2.6 0 0 1 4 4l-1 1M9 11.5l-1 1a2.6 2.6 0 0 1-4-4l1-1",
  lock: "M4.5 7.5h7v5h-7zM6 7.5V5.5a2 2 0 0 1 4 0v2", flag: "M4 13.5v-11h7.5L10 5.5l1.5 3H4",
  skip: "M3.5 4l5 4-5 4zM12 4v8", undo: "M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H7",
  why: "M3 3.5h10v7H7.5L5 13v-2.5H3z", keys: "M2.5 4.5h11v7h-11zM5 7h.1M8 7h.1M11 7h.1M5.5 9.5h5",
  book: "M3 3h4a1.5 1.5 0 0 1 1 1.5V13a2 2 0 0 0-1.5-1H3zM13 3H9.5A1.5 1.5 0 0 0 8 4.5V13a2 2 0 0 1 1.5-1H13z",
};

/** @param {keyof typeof SIGNS} name */
export const icon = (name) =>
  html`<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d=${SIGNS[name]} /></svg>`;
