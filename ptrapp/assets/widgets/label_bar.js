// The buttons under the pair: everything a key does, for a mouse, a finger or a switch.

const BUTTONS = [
  ["answers", [
    ["left", "A much better", 2], ["left", "A better", 1], ["tie", "Tie", 1], ["right", "B better", 1], ["right", "B much better", 2],
  ]],
  ["others", [
    ["both_bad", "Both bad"], ["skip", "Skip"], ["undo", "Undo"], ["flag", "Flag"], ["reason", "Give reason"],
    ["diff", "Differences"], ["reveal", "Reveal"],
  ]],
];

const REFUSED_MS = 300;

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
  const next = el("button", { type: "button", class: "label-button label-go", "data-part": "go-on", onclick: goOn }, "Continue", el("kbd", { "aria-hidden": "true" }, "Enter"));
  const status = el("p", { class: "label-status" });
  const refusal = el("p", { class: "label-refusal", role: "status" });
  let refused = 0;
  const hint = el("p", { class: "label-hint" }, "Swipe left if A is better, right if B is better");
  const reason = el("div", {});
  const node = el("div", { class: "label-bar" }, hint, next, ...rows, refusal, reason, status);

  const absent = {
    reveal: (now) => !now.reveal,
    reason: (now) => !now.last,
  };
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
    // `now`: {pair, feedback, busy, last, reveal, flagged, diff}
    draw: (now) => {
      next.hidden = !now.feedback;
      rows[0].hidden = hint.hidden = !now.pair || Boolean(now.feedback);
      rows[1].hidden = Boolean(now.feedback);
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
