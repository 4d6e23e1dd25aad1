// How far raters agree: figures with their intervals, or what is missing for them.

const KIND = { human: "person", judge: "judge", dataset: "file" };
const GROUP = { human: "People", judge: "Judges", dataset: "Imported files", all: "All raters" };

// How a figure and its interval are written.
const SHARE = { one: (x) => percent(x), range: ([low, high]) => `${Math.round(100 * low)}–${percent(high)}` };
const TIME = { one: (ms) => seconds(ms / 1000), range: ([low, high]) => `${seconds(low / 1000).replace(" s", "")}–${seconds(high / 1000)}` };
const COEFFICIENT = { one: (x) => x.toFixed(2), range: ([low, high]) => `${low.toFixed(2)} to ${high.toFixed(2)}` };

const inWords = (estimate, form = SHARE) => (estimate.value === null ? estimate.missing
  : `${form.one(estimate.value)} (${form.range(estimate.interval)}, n = ${number(estimate.n)})`);
const inCell = (estimate, form = SHARE) => (estimate.value === null
  ? [el("span", { class: "faint", title: estimate.missing }, estimate.n ? estimate.missing.match(/\d+ of \d+/)?.[0] ?? "–" : "–")]
  : [form.one(estimate.value), el("div", { class: "faint" }, form.range(estimate.interval))]);

const side = ({ left, biased }) => (biased === null ? left.missing
  : `${inWords(left)}: ${biased ? `they favour the ${left.value > 0.5 ? "left" : "right"}` : "no side is favoured"}`);

const smoothing = ({ epsilon, label_smoothing: smooth, rests_on: restsOn }) => (epsilon.value === null
  ? [el("p", {}, `Label noise: ${epsilon.missing}.`)]
  : [
    el("p", {}, "About ", el("strong", {}, percent(epsilon.value)), ` of these votes are estimated to be wrong (${SHARE.range(epsilon.interval)}). To train DPO on them, `,
      el("a", { href: `train?label_smoothing=${smooth}` }, `set label_smoothing to ${smooth}`), " on the Train page."),
    el("p", { class: "faint" }, `Estimated from ${restsOn}. Every disagreement counts as a wrong vote, differences of taste included.`),
  ]);

const facts = (figures) => {
  const known = [
    ["Left side chosen", figures.position.left.n || figures.position.biased !== null ? side(figures.position) : null],
    ["Gold accuracy", figures.gold.n ? inWords(figures.gold) : null],
    ["Self-consistency, sides swapped", figures.consistency.n ? inWords(figures.consistency) : null],
    ["Consistency between orders", figures.both_orders.n ? inWords(figures.both_orders) : null],
    ["Ties", inWords(figures.ties)],
    ["Both bad", inWords(figures.both_bad)],
    ["Median time", figures.pace.median_ms.n ? inWords(figures.pace.median_ms, TIME) : null],
    ["95th percentile of time", figures.pace.p95_ms.value === null ? null : inWords(figures.pace.p95_ms, TIME)],
    ["Under one second", figures.pace.hasty.n ? inWords(figures.pace.hasty) : null],
  ].filter(([, words]) => words);
  return el("dl", { class: "facts" }, ...known.flatMap(([name, words]) => [el("dt", {}, name), el("dd", {}, words)]));
};

const groupCard = (group) => el("article", { class: "card", "data-kind": group.kind },
  el("h5", {}, GROUP[group.kind], el("span", { class: "faint" }, ` ${count(group.n_raters, "rater")} · ${count(group.figures.n_votes, "label")} on ${count(group.figures.n_comparisons, "comparison")}, ${number(group.n_shared)} labelled by several, gold excluded`)),
  el("p", {}, el("strong", {}, group.conclusion)),
  ...smoothing(group.figures.flips), group.kind === "all" ? null : facts(group.figures));

const raterRow = ({ name, kind, figures }) => el("tr", {},
  el("th", { scope: "row" }, name, el("div", { class: "faint" }, KIND[kind])),
  el("td", {}, number(figures.n_votes),
    figures.n_gold ? el("div", { class: "faint" }, `+ ${number(figures.n_gold)} gold`) : null,
    figures.n_repeats ? el("div", { class: "faint" }, `+ ${count(figures.n_repeats, "repeat")}`) : null),
  el("td", { class: figures.position.biased ? "warn" : "" }, ...(figures.position.biased ? [el("span", {}, "⚠ ")] : []), ...inCell(figures.position.left)),
  el("td", {}, ...inCell(figures.gold)),
  el("td", {}, ...inCell(figures.both_orders.n ? figures.both_orders : figures.consistency)),
  el("td", {}, ...inCell(figures.ties)),
  el("td", {}, ...inCell(figures.both_bad)),
  el("td", {}, ...inCell(figures.pace.median_ms, TIME)),
  el("td", {}, ...inCell(figures.pace.hasty)),
  el("td", {}, ...inCell(figures.flips.epsilon)));

const RATER_HEADS = ["Rater", "Labels", "Left side", "Gold accuracy", "Consistency", "Ties", "Both bad", "Median time", "Under 1 s", "Label noise"];

const agreementReport = (report) => (report.groups.length ? [
  el("div", { class: "cards" }, ...report.groups.map(groupCard)),
  framed("Raters", table("Raters, most labels first, with 95 % intervals, or how many of the needed observations there are. ⚠ marks a rater who favours one side. The consistency of a judge is between both orders", RATER_HEADS, report.raters.map(raterRow))),
  kappaMatrix(report),
] : [el("p", {}, "Nothing is labelled here yet.")]);
