// @ts-check
// Counts the answers of this session and their speed; pauses do not enter the speed.

import { storage } from "../storage.js";
import { seconds } from "../words.js";

const PAUSE_S = 120;
const MEASURED = 500; // decisions the median is taken over
const ENOUGH = 3; // for a forecast
const store = storage("label", () => sessionStorage);

export class Pace {
  /** @param {number} campaign */
  constructor(campaign) {
    this.name = `pace.${campaign}`;
    /** @type {{ n: number, took_s: number[] }} */
    this.so = store.read(this.name) ?? { n: 0, took_s: [] };
  }

  /** @param {number} by @param {number} [took_s] */
  count(by, took_s = Infinity) {
    if (took_s <= PAUSE_S) this.so.took_s = [...this.so.took_s, Math.round(took_s * 10) / 10].slice(-MEASURED);
    this.so.n = Math.max(0, this.so.n + by);
    store.write(this.name, this.so);
  }

  get median_s() {
    const sorted = [...this.so.took_s].sort((a, b) => a - b);
    const above = sorted.length >> 1;
    return sorted.length % 2 ? sorted[above] : (sorted[above - 1] + sorted[above]) / 2;
  }

  /** Seconds that so many more take; 0 while that is not known. @param {number} n */
  forecast_s(n) { return this.so.took_s.length < ENOUGH ? 0 : n * this.median_s; }

  get words() {
    const { n, took_s } = this.so;
    const total_s = took_s.reduce((sum, one) => sum + one, 0);
    const speed = total_s ? `, median ${seconds(this.median_s)}, ${Math.round((3600 * took_s.length) / total_s)} per hour` : "";
    return n ? `this session: ${n}${speed}` : "";
  }
}
