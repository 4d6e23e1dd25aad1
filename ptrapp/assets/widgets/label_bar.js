// The buttons under the pair: everything a key does, for a mouse, a finger or a switch. They keep
// their places: what cannot be pressed now is pale, and says why when it is pressed.

const BUTTONS = [
  ["answers", [
    ["left", "A much better", 2], ["left", "A better", 1], ["tie", "Tie", 1], ["right", "B better", 1], ["right", "B much better", 2],
  ]],
  ["others", [
    ["both_bad", "Both bad"], ["skip", "Skip"], ["undo", "Undo"], ["reason", "Why"], ["diff", "Diff"], ["flag", "Flag"], ["reveal", "Reveal"],
  ]],
];
const SCALE = { left: ["", "A >", "A ≫"], right: ["", "B >", "B ≫"], tie: ["", "="] };
const ICON = { both_bad: "x", skip: "skip", undo: "undo", reason: "why", diff: "diff", flag: "flag", reveal: "lock" };
Object.assign(SIGNS_OF, {
  skip: "M3.5 4l5 4-5 4zM12 4v8", undo: "M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H7", why: "M3 3.5h10v7H7.5L5 13v-2.5H3z",
  flag: "M4 13.5v-11h7.5L10 5.5l1.5 3H4", keys: "M2.5 4.5h11v7h-11zM5 7h.1M8 7h.1M11 7h.1M5.5 9.5h5",
  book: "M3 3h4a1.5 1.5 0 0 1 1 1.5V13a2 2 0 0 0-1.5-1H3zM13 3H9.5A1.5 1.5 0 0 0 8 4.5V13a2 2 0 0 1 1.5-1H13z",
});

const REFUSED_MS = 300;

const openBar = ({ keys, act, goOn }) => {
  const all = [];
  const face = (action, words, strength) => (SCALE[action]
    ? [el("b", { "aria-hidden": "true" }, SCALE[action][strength]), el("small", {}, el("span", { class: "label-unseen" }, words), el("span", { "aria-hidden": "true" }, words.replace(/^[AB] /, "").toLowerCase()))]
    : [icon(ICON[action]), el("span", {}, words)]);
  const button = (action, words, strength = 1) => {
    const sign = el("kbd", { class: "kbd", "aria-hidden": "true" });
    const node = el("button", { type: "button", class: SCALE[action] ? "label-answer" : "btn quiet s", "data-part": strength > 1 ? `${action}-much` : action,
      onclick: () => act(action, strength) }, ...face(action, words, strength), sign);
    all.push({ action, strength, node, sign });
    return node;
  };
  const rows = BUTTONS.map(([name, group]) => el("div", { class: `label-${name}`, role: "group", "aria-label": name === "answers" ? "Which is better?" : "More" },
    ...group.map((one) => button(...one))));
  const next = el("button", { type: "button", class: "label-answer label-go", "data-part": "go-on", onclick: goOn }, "Continue", el("kbd", { class: "kbd", "aria-hidden": "true" }, "Enter"));
  const status = el("p", { class: "label-status" });
  const refusal = el("p", { class: "label-refusal", role: "status" });
  let refused = 0;
  const hint = el("p", { class: "label-hint" }, "Swipe left if A is better, right if B is better");
  const reason = el("div", { class: "label-why" });
  const node = el("div", { class: "label-bar" }, reason, refusal, hint, el("div", { class: "label-keyed" }, rows[0], next), rows[1], status);

  return {
    node, status, reason, next,
    // A key pressed before the pair could be read: nothing is stored, and that is seen and announced.
    refuse: () => {
      clearTimeout(refused);
      node.classList.add("early");
      refusal.textContent = "Too soon, not counted";
      refused = setTimeout(() => node.classList.remove("early"), REFUSED_MS);
      setTimeout(() => { if (!node.classList.contains("early")) refusal.textContent = ""; }, 5 * REFUSED_MS);
    },
    light: (outcome, strength) => {
      for (const one of all) one.node.classList.toggle("hit", one.action === outcome && one.strength === strength);
    },
    // `now`: {pair, feedback, busy, last, reveals, flagged, diff}
    draw: (now) => {
      next.hidden = !now.feedback;
      rows[0].classList.toggle("away", Boolean(now.feedback));
      for (const { action, strength, node: one, sign } of all) {
        sign.textContent = strength > 1 ? `⇧${keys.sign(action)}` : keys.sign(action);
        const needsPair = ANSWERS.has(action) || ["skip", "flag", "diff"].includes(action);
        const off = now.busy || (needsPair && !now.pair) || (["reason", "reveal"].includes(action) && !now.last);
        one.hidden = action === "reveal" && !now.reveals;
        one.setAttribute("aria-disabled", String(Boolean(off)));
        one.classList.toggle("was", Boolean(now.pair) && now.pair.was === action && strength === 1);
        if (action === "flag") one.setAttribute("aria-pressed", String(now.flagged));
        if (action === "diff") one.setAttribute("aria-pressed", String(now.diff));
      }
    },
  };
};
