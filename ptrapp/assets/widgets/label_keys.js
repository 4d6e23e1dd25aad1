// Which key does what: the defaults, a person's own choice kept in the browser, conflicts in words.

const ACTIONS = {
  left: ["ArrowLeft", "A is better; with Shift: much better"],
  right: ["ArrowRight", "B is better; with Shift: much better"],
  tie: ["ArrowDown", "A and B are equally good"],
  both_bad: ["x", "Both are bad"],
  skip: ["s", "Skip this pair: it is not shown to you again"],
  undo: ["u", "Undo the last answer and answer again"],
  flag: ["f", "Flag this pair: something is wrong with it"],
  reason: ["w", "Say why you gave your last answer"],
  diff: ["d", "Show which words differ"],
  guidelines: ["g", "Guidelines"],
  reveal: ["v", "Thoughts and versions of the last pair, if the campaign reveals them"],
  help: ["?", "This help"],
};
const DIGITS = {
  1: { action: "left", strength: 2 }, 2: { action: "left", strength: 1 }, 3: { action: "tie", strength: 1 },
  4: { action: "right", strength: 1 }, 5: { action: "right", strength: 2 }, 0: { action: "both_bad", strength: 1 },
};
const ANSWERS = new Set(["left", "right", "tie", "both_bad"]);
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓", ArrowUp: "↑" };
const TAKEN = { Tab: "moves between buttons", Enter: "presses a button", " ": "presses a button", Escape: "closes" };

// On a Cyrillic or Greek keyboard the key of the same place counts: it has no Latin letter of its own.
const keyName = ({ key, code }) => {
  const foreign = key.length === 1 && key.charCodeAt(0) > 127 && /^Key[A-Z]$/.test(code ?? "");
  return foreign ? code.slice(3).toLowerCase() : key.length === 1 ? key.toLowerCase() : key;
};
const keySign = (key) => SIGNS[key] ?? key;

const openKeys = () => {
  const usual = Object.fromEntries(Object.entries(ACTIONS).map(([action, [key]]) => [action, key]));
  const chosen = saved.read("keys") ?? {};
  let bound = Object.fromEntries(Object.entries(usual).map(([action, key]) =>
    [action, typeof chosen[action] === "string" ? chosen[action] : key]));
  if (new Set(Object.values(bound)).size < Object.keys(bound).length) bound = { ...usual };
  const actionOf = (key) => Object.keys(bound).find((action) => bound[action] === key) ?? null;

  // What stands against this key, in words; null when it is free.
  const objection = (action, { key, shiftKey }, name) => {
    if (TAKEN[key]) return `${key === " " ? "Space" : key} ${TAKEN[key]}; choose another key.`;
    if (DIGITS[name]) return "The digits 0 to 5 are answers already; choose another key.";
    const other = actionOf(name);
    if (other && other !== action) return `${keySign(name)} is taken: “${ACTIONS[other][1]}”. Choose another key.`;
    const needsShift = shiftKey && key.length === 1 && key.toLowerCase() === key.toUpperCase();
    if (needsShift && ANSWERS.has(action)) return "Shift means “much better” here; choose a key that works without it.";
    return null;
  };

  return {
    sign: (action) => keySign(bound[action]),
    changed: () => Object.keys(usual).some((action) => bound[action] !== usual[action]),
    meaning: (event) => {
      const name = keyName(event);
      const action = actionOf(name);
      if (!action) return DIGITS[name] ?? null;
      return { action, strength: event.shiftKey && (action === "left" || action === "right") ? 2 : 1 };
    },
    bind: (action, event) => {
      const name = keyName(event);
      const against = objection(action, event, name);
      if (against) return against;
      bound[action] = name;
      saved.write("keys", bound);
      return null;
    },
    reset: () => { bound = { ...usual }; saved.drop("keys"); },
  };
};
