// @ts-check
// Which key does what: the usual ones, a person's own choice kept in the browser, conflicts in words.

import { isAnswer } from "../answers.js";
import { storage } from "../storage.js";

/** The usual key and what it does. @type {Record<string, [string, string]>} */
export const ACTIONS = {
  left: ["ArrowLeft", "A is better; with Shift: much better"],
  right: ["ArrowRight", "B is better; with Shift: much better"],
  tie: ["ArrowDown", "A and B are equally good"],
  both_bad: ["x", "Both are bad"],
  skip: ["s", "Skip this pair: it is not shown to you again, unless you undo that"],
  undo: ["u", "Undo the last answer or skip, and answer again"],
  flag: ["f", "Flag this pair: something is wrong with it"],
  reason: ["w", "Say why you flagged this pair, or gave your last answer"],
  diff: ["d", "Show which words differ"],
  guidelines: ["g", "Guidelines"],
  reveal: ["v", "Thoughts and versions of the last pair, if the campaign reveals them"],
  help: ["?", "This help"],
};
/** @type {Record<string, Meaning>} */
const DIGITS = {
  1: { action: "left", strength: 2 }, 2: { action: "left", strength: 1 }, 3: { action: "tie", strength: 1 },
  4: { action: "right", strength: 1 }, 5: { action: "right", strength: 2 }, 0: { action: "both_bad", strength: 1 },
};
/** @type {Record<string, string>} */
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓", ArrowUp: "↑" };
/** @type {Record<string, string>} */
const TAKEN = { Tab: "moves between buttons", Enter: "presses a button", " ": "presses a button", Escape: "closes",
  PageDown: "scrolls the pair", PageUp: "scrolls the pair", Home: "scrolls the pair", End: "scrolls the pair" };
const KEPT = "keys";

/** On a Cyrillic or Greek keyboard the key of the same place counts: it has no Latin letter of its own. @param {Press} press */
const nameOf = ({ key, code = "" }) => {
  if (key.length > 1) return key;
  return key.charCodeAt(0) > 127 && /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : key.toLowerCase();
};
const signOf = (/** @type {string} */ key) => SIGNS[key] ?? key;
const usual = () => Object.fromEntries(Object.entries(ACTIONS).map(([action, [key]]) => [action, key]));

export class Keys {
  constructor() {
    this.store = storage("label");
    const kept = this.store.read(KEPT) ?? {};
    const bound = usual();
    for (const action of Object.keys(bound)) if (typeof kept[action] === "string") bound[action] = kept[action];
    const clash = new Set(Object.values(bound)).size < Object.keys(bound).length;
    /** The key of each action. */
    this.bound = clash ? usual() : bound;
  }

  /** @param {string} action */
  sign(action) { return signOf(this.bound[action]); }

  get changed() { return Object.entries(usual()).some(([action, key]) => this.bound[action] !== key); }

  /** @param {string} key */
  actionOf(key) { return Object.keys(this.bound).find((action) => this.bound[action] === key); }

  /** @param {Press} press @returns {Meaning | undefined} */
  meaning(press) {
    const name = nameOf(press);
    const action = this.actionOf(name);
    if (!action) return DIGITS[name];
    return { action, strength: press.shiftKey && (action === "left" || action === "right") ? 2 : 1 };
  }

  /** Returns what stands against a key for an action, in words; null when it is that key from now on. @param {string} action @param {Press} press */
  bind(action, press) {
    const { key, shiftKey } = press;
    const name = nameOf(press);
    const other = this.actionOf(name);
    if (TAKEN[key]) return `${key === " " ? "Space" : key} ${TAKEN[key]}; choose another key.`;
    if (DIGITS[name]) return "The digits 0 to 5 are answers already; choose another key.";
    if (other && other !== action) return `${signOf(name)} is taken: “${ACTIONS[other][1]}”. Choose another key.`;
    const needsShift = shiftKey && key.length === 1 && key.toLowerCase() === key.toUpperCase();
    if (needsShift && isAnswer(action)) return "Shift means “much better” here; choose a key that works without it.";
    this.bound[action] = name;
    this.store.write(KEPT, this.bound);
    return null;
  }

  reset() {
    this.bound = usual();
    this.store.drop(KEPT);
  }
}
