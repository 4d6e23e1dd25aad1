// @ts-check
// What differs between the two answers of a pair: asked once, and shown with each pair while wished.

import { ask } from "../requests.js";
import { pathOf } from "./outbox.js";

/** @param {Desk} desk */
export const loadDiff = async (desk) => {
  const { pair } = desk;
  if (!pair || !desk.showDiff) return;
  try {
    pair.pieces ??= (await ask("GET", pathOf(pair, "diff"))).pieces;
    desk.draw();
  } catch (error) {
    desk.say(`The differences cannot be shown: ${/** @type {Error} */ (error).message}`, true);
  }
};
