// @ts-check
// Counts the answers of this session and their speed; pauses do not enter the speed.

import { storage } from "../storage.js";
import { seconds } from "../words.js";

const PAUSE_S = 120;
const MEASURED = 500; // decisions the median is taken over
const ENOUGH = 3; // for a forecast

export class Pace {
  /** @param {number} campaign */
  constructor(campaign) {
    this.store = storage("label", () => sessionStorage);
    this.name = `pace.${campaign}`;
    const { n = 0, took_s = [] } = this.store.read(this.name) ?? {};
    this.n = n;
    /** @type {number[]} */
    this.took_s = took_s;
  }

  keep() { this.store.write(this.name, { n: this.n, took_s: this.took_s }); }

  /** @param {number} took_s */
  add(took_s) {
    this.n += 1;
    if (took_s <= PAUSE_S) this.took_s = [...this.took_s, Math.round(took_s * 10) / 10].slice(-MEASURED);
    this.keep();
  }

  takeBack() {
    this.n = Math.max(0, this.n - 1);
    this.keep();
  }

  get median_s() { return [...this.took_s].sort((a, b) => a - b)[this.took_s.length >> 1]; }

  /** Seconds that so many more take; 0 while that is not known. @param {number} n */
  forecast_s(n) { return this.took_s.length < ENOUGH ? 0 : n * this.median_s; }

  get words() {
    if (!this.n) return "";
    const total_s = this.took_s.reduce((sum, one) => sum + one, 0);
    const speed = total_s ? `, median ${seconds(this.median_s)}, ${Math.round((3600 * this.took_s.length) / total_s)} per hour` : "";
    return `this session: ${this.n}${speed}`;
  }
}
