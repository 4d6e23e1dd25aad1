// @ts-check
// The answers to a pair, the same on the board and on the desk: their signs and their words.

/** Outcome, strength, sign and words, from one end of the scale (core/strength.py) to the other. @type {[Outcome, number, string, string][]} */
export const SCALE = [
  ["left", 2, "A ≫", "much better"], ["left", 1, "A >", "better"], ["tie", 1, "=", "tie"],
  ["right", 1, "B >", "better"], ["right", 2, "B ≫", "much better"],
];

/** @type {Record<Outcome, string>} */
export const IN_WORDS = { left: "A is better", right: "B is better", tie: "a tie", both_bad: "both are bad" };

/** @param {Outcome} outcome @param {boolean} much */
export const inWords = (outcome, much) => much ? IN_WORDS[outcome].replace("better", "much better") : IN_WORDS[outcome];

/** @param {string} action @returns {action is Outcome} */
export const isAnswer = (action) => action in IN_WORDS;
