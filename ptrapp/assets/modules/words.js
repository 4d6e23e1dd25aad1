// @ts-check
// Numbers in words.

/** @param {number} s */
export const seconds = (s) => `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;

/** @param {number} n @param {string} word */
export const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** @param {number} s */
export const timeLeft = (s) => {
  if (s < 90) return `${Math.ceil(s)} s left`;
  return s < 5400 ? `${Math.round(s / 60)} min left` : `${(s / 3600).toFixed(1)} h left`;
};
