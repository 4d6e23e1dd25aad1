// Labels of each of the last days as small bars, today last.

const BAR = 7, GAP = 2, TALL = 26;

const dayBars = (days) => {
  const most = Math.max(...days, 1);
  const total = days.reduce((sum, n) => sum + n, 0);
  if (!total) return null;
  const summary = `${number(total)} labels in ${days.length} days, ${number(days.at(-1))} today, at most ${number(Math.max(...days))} a day`;
  const width = days.length * (BAR + GAP) - GAP;
  return el("figure", { class: "days" },
    svg("svg", { viewBox: `0 0 ${width} ${TALL}`, width, height: TALL, role: "img", "aria-label": summary },
      ...days.map((n, at) => {
        const height = n ? Math.max(2, (n / most) * TALL) : 1;
        return svg("rect", { x: at * (BAR + GAP), y: (TALL - height).toFixed(1), width: BAR, height: height.toFixed(1), class: n ? "some" : "none" });
      })),
    el("figcaption", {}, `${number(days.at(-1))} today · ${number(total)} in ${days.length} days`));
};
