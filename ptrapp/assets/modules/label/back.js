// @ts-check
// What goes back to an answer: undo it, or see what its pair was.

import { ask, freshId } from "../requests.js";
import { pathOf } from "./outbox.js";

/** Runs alone, and only once everything sent before has arrived. @param {Desk} desk @param {string} what @param {() => Promise<void>} work */
const afterwards = async (desk, what, work) => {
  if (desk.busy) return;
  desk.busy = true;
  desk.draw();
  try {
    if (await desk.outbox.drained()) await work();
    else desk.say(`${what} has to wait until your answers are saved.`, true, true);
  } catch (error) {
    desk.say(`${what} did not work: ${/** @type {Error} */ (error).message}`, true);
  }
  desk.busy = false;
  desk.draw();
};

/** Kept until the server has answered: asked twice it is undone once. @type {string | null} */
let undoKey = null;

/** @param {Desk} desk */
export const undo = (desk) => afterwards(desk, "Undo", async () => {
  undoKey ??= freshId();
  const { pair } = await ask("POST", `/campaigns/${desk.campaign.id}/undo`, { key: undoKey, tab: desk.tab });
  undoKey = null;
  if (pair) desk.takeBack(pair);
  else desk.say("There is nothing left to undo.");
});

/** @param {Desk} desk */
export const reveal = (desk) => afterwards(desk, "Revealing", async () => {
  const { last } = desk;
  if (!last) desk.say("You have not answered a pair yet.");
  else if (!desk.campaign.reveal) desk.say("This campaign does not reveal thoughts and versions.");
  else desk.show({ name: "reveal", told: { ...last, ...(await ask("POST", pathOf(last, "reveal"))) } });
});
