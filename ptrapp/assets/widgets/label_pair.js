// One comparison on the screen: what was asked, and two responses side by side, A and B.

const LETTER = { left: "A", right: "B" };
const CHOICE_WORDS = { left: "A is better", right: "B is better", tie: "a tie", both_bad: "both are bad" };

// What is wider than its column can be scrolled by keyboard too, for as long as it is.
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    for (const wide of target.querySelectorAll("pre, table, math[display=block]")) {
      if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
      else wide.removeAttribute("tabindex");
    }
  }
});

// The only place where HTML enters the page. It is made and sanitised by the server, which lets
// nothing through but formatting; a template runs no script and loads nothing while it is parsed.
const setHtml = (node, html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  node.replaceChildren(template.content);
  widths.unobserve(node); // observed anew it is measured once more
  widths.observe(node);
};

const drawDiff = (body, pieces, side) => {
  const only = side === "left" ? "removed" : "added";
  const text = el("p", { class: "label-diff" });
  for (const [piece, kind] of pieces) {
    if (kind === "same") text.append(piece);
    else if (kind === only) {
      const words = piece.trimStart(); // the space before a word is nobody's change
      text.append(piece.slice(0, piece.length - words.length), el(side === "left" ? "mark" : "ins", {}, words));
    }
  }
  if (pieces.every(([, kind]) => kind === "same")) text.append(el("em", {}, " (no differences)"));
  body.replaceChildren(text);
};

const column = (side) => {
  const title = el("h3", {});
  const body = el("div", { class: "label-text rendered", dir: "auto", tabindex: 0 }); // it scrolls in its card
  return { side, title, body, node: el("section", { class: "label-side", "data-side": side }, title, body) };
};

const openPairView = () => {
  const asked = el("div", { class: "label-asked" });
  const sides = [column("left"), column("right")];
  const grid = el("div", { class: "label-sides" }, ...sides.map(({ node }) => node));
  const node = el("div", { class: "label-pair" }, asked, grid);
  const block = (title, html) => {
    const body = el("div", { class: "label-text rendered", dir: "auto" });
    setHtml(body, html);
    return el("section", { class: "label-turn", "aria-label": title }, el("h3", {}, title), body);
  };
  const plain = (title, text) =>
    el("details", { class: "label-system" }, el("summary", {}, title), el("p", {}, text));

  return {
    node,
    // The side that was chosen, both for a tie and for both bad; null for none.
    light: (outcome) => {
      for (const { side, node: box } of sides) box.classList.toggle("hit", outcome !== null && (outcome === side || !(outcome in LETTER)));
    },
    draw: (pair, pieces) => {
      const what = pair.aspect === "thought" ? "Thought" : "Response";
      asked.replaceChildren(
        ...(pair.system ? [plain("System message", pair.system)] : []),
        ...pair.context.map(({ role, html }) => block(role === "user" ? "Earlier user message" : "Earlier response", html)),
        block("Prompt", pair.prompt_html),
      );
      for (const { side, title, body, node: box } of sides) {
        box.setAttribute("aria-label", `${what} ${LETTER[side]}`);
        title.replaceChildren(el("span", { class: "label-unseen" }, `${what} `), el("span", { class: "label-letter" }, LETTER[side]));
        body.scrollTop = 0;
        if (pieces) drawDiff(body, pieces, side); else setHtml(body, pair[side].html);
        if (!pair[side].text.trim()) body.replaceChildren(el("em", {}, "(empty)"));
      }
    },
  };
};
