// The buttons under the pair: everything a key does, for a mouse, a finger or a switch.

const BUTTONS = [
  ["answers", [
    ["left", "A much", 2], ["left", "A", 1], ["tie", "Tie", 1], ["right", "B", 1], ["right", "B much", 2],
  ]],
  ["others", [
    ["both_bad", "Both bad"], ["skip", "Skip"], ["undo", "Undo"], ["flag", "Flag"], ["reason", "Why"],
    ["diff", "Diff"], ["reveal", "Reveal"],
  ]],
];

const openBar = ({ keys, act, goOn }) => {
  const all = [];
  const button = (action, words, strength = 1) => {
    const sign = el("kbd", { "aria-hidden": "true" });
    const node = el("button", { type: "button", class: "label-button", "data-part": strength > 1 ? `${action}-much` : action,
      onclick: () => act(action, strength) }, el("span", {}, words), sign);
    all.push({ action, strength, node, sign });
    return node;
  };
  const rows = BUTTONS.map(([name, group]) => el("div", { class: `label-${name}`, role: "group", "aria-label": name === "answers" ? "Which is better?" : "More" },
    ...group.map((one) => button(...one))));
  const next = el("button", { type: "button", class: "label-button label-go", "data-part": "go-on", onclick: goOn }, "Go on", el("kbd", { "aria-hidden": "true" }, "Enter"));
  const status = el("p", { class: "label-status" });
  const hint = el("p", { class: "label-hint" }, "Swipe ← when A is better, → when B is better");
  const reason = el("div", {});
  const node = el("div", { class: "label-bar" }, hint, next, ...rows, reason, status);

  const absent = {
    reveal: (now) => !now.reveal,
    reason: (now) => !now.last,
  };
  return {
    node, status, reason, next,
    // `now`: {pair, lesson, busy, last, reveal, flagged, diff}
    draw: (now) => {
      next.hidden = !now.lesson;
      rows[0].hidden = hint.hidden = !now.pair || Boolean(now.lesson);
      rows[1].hidden = Boolean(now.lesson);
      for (const { action, strength, node: one, sign } of all) {
        sign.textContent = strength > 1 ? `⇧${keys.sign(action)}` : keys.sign(action);
        const needsPair = ANSWERS.has(action) || ["skip", "flag", "diff"].includes(action);
        one.hidden = (needsPair && !now.pair) || Boolean(absent[action]?.(now));
        one.setAttribute("aria-disabled", String(Boolean(now.busy)));
        one.classList.toggle("was", Boolean(now.pair) && now.pair.was === action && strength === 1);
        if (action === "flag") one.setAttribute("aria-pressed", String(now.flagged));
        if (action === "diff") one.setAttribute("aria-pressed", String(now.diff));
      }
    },
  };
};
