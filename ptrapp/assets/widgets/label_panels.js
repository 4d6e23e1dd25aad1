// The panel beside the pair: help with the keys, the guidelines, or what the last pair was.

const helpPanel = (keys, redraw) => {
  let asked = null; // the action whose new key is awaited
  let problem = null;
  const row = (action, [, words]) => el("li", {},
    el("button", { type: "button", class: "label-key", "data-part": `key-${action}`, "aria-label": `${words}: ${keys.sign(action)}. Change the key`,
      onclick: () => { asked = action; problem = null; redraw(); } }, asked === action ? "press a key…" : keys.sign(action)),
    el("span", {}, words));
  return {
    // A key pressed while a new one is awaited is that key, and nothing else.
    captures: (event) => {
      if (!asked || ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"].includes(event.key)) return asked !== null;
      problem = event.key === "Escape" ? null : keys.bind(asked, event);
      if (!problem) asked = null;
      redraw();
      return true;
    },
    drop: () => { asked = null; problem = null; },
    build: () => [
      el("p", {}, "One key answers and shows the next pair. To change a key, press its button here."),
      el("p", { class: "label-problem", role: "alert" }, problem ?? ""),
      el("ul", { class: "label-keys" }, ...Object.entries(ACTIONS).map(([action, what]) => row(action, what)),
        el("li", {}, el("span", { class: "label-key" }, "1 … 5"), el("span", {}, "1 A much better, 2 A better, 3 tie, 4 B better, 5 B much better, 0 both bad"))),
      keys.changed() ? el("button", { type: "button", class: "btn s", "data-part": "keys-reset", onclick: () => { keys.reset(); problem = null; redraw(); } }, "Reset to the default keys") : null,
    ],
  };
};

const revealedSide = (letter, { thought, version, correct }) => [
  el("h4", {}, `${letter}: ${version}`, correct === null || correct === undefined ? "" : correct ? " ✓ correct" : " ✗ incorrect"),
  el("p", { class: "label-thought", dir: "auto" }, thought || "(no thought)"),
];
const revealedPanel = ({ words, prompt, left, right }) => [
  el("p", { class: "faint" }, `Your last answer: ${words}. `, el("q", {}, prompt.length > 200 ? prompt.slice(0, 200) + "…" : prompt)),
  ...revealedSide("A", left), ...revealedSide("B", right),
];

const openPanels = ({ onToggle }) => {
  let open = null;
  const title = el("h3", { tabindex: "-1" });
  const body = el("div", { class: "label-panel-body" });
  const closing = el("button", { type: "button", class: "btn s", "data-part": "close-panel", onclick: () => show(null) }, "Close", el("kbd", { "aria-hidden": "true" }, "Esc"));
  const node = el("aside", { class: "label-panel", "aria-label": "Panel", hidden: true }, el("header", {}, title, closing), body);

  const show = (name, heading = "", fill = null, { focus = false } = {}) => {
    open = name;
    node.hidden = !name;
    if (name) {
      const part = body.contains(document.activeElement) ? document.activeElement.dataset.part : null;
      title.textContent = heading;
      node.setAttribute("aria-label", heading);
      fill(body);
      if (part) body.querySelector(`[data-part="${part}"]`)?.focus();
      else if (focus) title.focus();
    }
    onToggle();
  };
  return { node, show, close: () => show(null), name: () => open };
};
