// A small chart of one metric: a line for the examples trained on, a dashed one for those held out.

const WIDTH = 150, HEIGHT = 36, EDGE = 3;

const scale = (values, from, to) => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => (from + ((value - low) / (high - low || 1)) * (to - from)).toFixed(1);
};

const curve = (job, metric, label) => {
  const lines = [
    { name: label, points: job.curves[metric] || [], look: "trained" },
    { name: "held out", points: job.curves[`eval_${metric}`] || [], look: "held-out" },
  ].filter((line) => line.points.length);
  if (!lines.length) return null;
  const all = lines.flatMap((line) => line.points);
  const x = scale(all.map(([step]) => step), EDGE, WIDTH - EDGE);
  const y = scale(all.map(([, value]) => value), HEIGHT - EDGE, EDGE);
  const drawn = lines.map(({ points, look }) => svg("g", { class: look },
    svg("polyline", { points: points.map(([step, value]) => `${x(step)},${y(value)}`).join(" ") }),
    svg("circle", { cx: x(points.at(-1)[0]), cy: y(points.at(-1)[1]), r: 2 })));
  const summary = lines.map(({ name, points }) => `${name} from ${points[0][1].toFixed(3)} to ${points.at(-1)[1].toFixed(3)} over ${count(points.length, "point")}`);
  return el("figure", { class: "curve" },
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": summary.join("; ") }, ...drawn),
    el("figcaption", {}, ...lines.map(({ name, points, look }) => el("div", {},
      lines.length > 1 ? el("span", { class: `key ${look}`, "aria-hidden": "true" }) : null,
      `${name} ${points.at(-1)[1].toFixed(3)}`))));
};
