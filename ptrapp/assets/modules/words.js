// @ts-check
// Numbers in words.

/** @param {number} s */
export const seconds = (s) => (s > 0 && s < 0.05 ? "under 0.1 s" : `${s < 10 ? s.toFixed(1) : Math.round(s)} s`);

/** @param {number} n @param {string} word */
export const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** Minutes, at least one, or hours. @param {number} s */
export const roughly = (s) => (s < 5400 ? `${Math.max(1, Math.round(s / 60))} min` : `${(s / 3600).toFixed(1)} h`);

/** @param {number} s */
export const timeLeft = (s) => (s < 90 ? `${Math.ceil(s)} s left` : `${roughly(s)} left`);
