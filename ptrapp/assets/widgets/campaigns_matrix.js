// Cohen's κ of every two raters who share comparisons, as a triangle.

const level = (kappa) => Math.max(0, Math.min(4, Math.floor(kappa * 5)));

const kappaCell = (found) => {
  if (!found) return el("td", { class: "none" }, el("span", { role: "img", "aria-label": "no comparison in common" }, "·"));
  const { kappa, share } = found;
  const title = kappa.value === null ? kappa.missing
    : `κ ${COEFFICIENT.one(kappa.value)}, ${COEFFICIENT.range(kappa.interval)}; the same answer on ${percent(share.value)} of ${kappa.n}`;
  return el("td", { class: kappa.value === null ? "none" : `level-${level(kappa.value)}`, title: title },
    kappa.value === null ? "–" : COEFFICIENT.one(kappa.value), el("div", { class: "faint" }, `n ${kappa.n}`));
};

const kappaMatrix = (report) => {
  const inside = new Set(report.kappas.flatMap(({ first, second }) => [first, second]));
  const names = report.raters.map(({ name }) => name).filter((name) => inside.has(name));
  if (names.length < 2) return el("p", { class: "faint" }, "No two raters have labelled the same comparison yet, so there is no κ.");
  const find = (a, b) => report.kappas.find(({ first, second }) => (first === a && second === b) || (first === b && second === a));
  const others = names.slice(0, -1);
  const rows = names.map((name, row) => el("tr", {}, el("th", { scope: "row" }, `${row + 1} ${name}`),
    ...others.map((other, column) => (column < row ? kappaCell(find(name, other)) : el("td", { class: "empty" })))));
  const left = report.n_left_out ? ` ${count(report.n_left_out, "rater")} with fewer labels are left out.` : "";
  const matrix = table(`Cohen’s κ over left, right, tie and both bad: 0 is chance, 1 is full agreement; n is the number of comparisons that both labelled.${left}`,
    ["Rater", ...others.map((_, at) => String(at + 1))], rows);
  matrix.classList.add("matrix");
  return framed("κ for each pair of raters", matrix);
};
