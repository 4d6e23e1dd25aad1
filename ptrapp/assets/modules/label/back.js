// @ts-check
// What goes back to an answer: undo it, or see what its pair was. Both run alone, and only once
// everything sent before has arrived.

import { call, freshId } from "../requests.js";
import { pathOf, TIMEOUT_MS } from "./outbox.js";

export class Back {
  /** @param {import("./desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    /** Kept until the server has answered: asked twice it is undone once. @type {string | null} */
    this.undoKey = null;
  }

  /** @param {string} what @param {() => Promise<void>} work */
  async after(what, work) {
    const { desk } = this;
    if (desk.busy || desk.feedback) return;
    desk.busy = true;
    desk.draw();
    try {
      if (await desk.outbox.drained()) await work();
      else desk.say(`${what} has to wait until your answers are saved.`, true);
    } catch (error) {
      desk.say(`${what} did not work: ${/** @type {Error} */ (error).message}`, true);
    }
    desk.busy = false;
    desk.draw();
  }

  undo() {
    const { desk } = this;
    return this.after("Undo", async () => {
      this.undoKey ??= freshId();
      const body = { key: this.undoKey, tab: desk.tab };
      const { pair } = await call("POST", `/campaigns/${desk.campaign.id}/undo`, body, TIMEOUT_MS);
      this.undoKey = null;
      if (pair) desk.takeBack(pair);
      else desk.say("There is nothing left to undo.");
    });
  }

  reveal() {
    const { desk } = this;
    return this.after("Revealing", async () => {
      const { last } = desk;
      if (!last) { desk.say("You have not answered a pair yet."); return; }
      if (!desk.campaign.reveal) { desk.say("This campaign does not reveal thoughts and versions."); return; }
      desk.panels.told = { ...last, ...(await call("POST", pathOf(last, "reveal"), undefined, TIMEOUT_MS)) };
      desk.panels.show("reveal");
    });
  }
}
