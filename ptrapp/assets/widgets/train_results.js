// What a finished job found: its figures in a line, its tables on request.

const opened = new Map(); // job id → its whole result, once it was asked for

const words = (name) => name.replaceAll("_", " ");
const figure = (value) => typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(3)).toString() : String(value);

const plainTable = (name, rows) => {
  const heads = [...new Set(rows.flatMap(Object.keys))].filter((head) => rows.some((row) => row[head] !== null && typeof row[head] !== "object"));
  return el("div", { class: "table-wrap plain" }, el("table", {}, el("caption", {}, words(name)),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, words(head))))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...heads.map((head) =>
      el("td", {}, row[head] === null || row[head] === undefined ? "" : figure(row[head]))))))));
};

// Accuracy by round: a row for each version and setting, a column for each round, as the papers have it.
const roundTable = (rows) => {
  const lines = Map.groupBy ? Map.groupBy(rows, keyOf) : group(rows);
  const n = Math.max(...rows.map((row) => row.round));
  const rounds = Array.from({ length: n }, (_, at) => at + 1);
  return el("div", { class: "table-wrap plain" }, el("table", {}, el("caption", {}, "Percent correct by round, with its 95 % interval; below it how many answers the round fixed (+) and broke (−), and the percent of thoughts that the model ended itself (⏎)"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Version"), ...rounds.map((round) => el("th", { scope: "col" }, `round ${round}`)))),
    el("tbody", {}, ...[...lines].map(([key, cells]) => el("tr", {}, el("th", { scope: "row" }, key),
      ...rounds.map((round) => el("td", {}, ...cell(cells.find((one) => one.round === round)))))))));
};

const keyOf = (row) => [row.version, row.task, row.setting].filter(Boolean).join(" · ");
const group = (rows) => rows.reduce((found, row) => found.set(keyOf(row), [...(found.get(keyOf(row)) ?? []), row]), new Map());
const share = (x) => (100 * x).toFixed(1);
const cell = (row) => row ? [
  el("strong", {}, share(row.rate)),
  el("div", { class: "faint" }, `${share(row.low)} to ${share(row.high)}`),
  row.fixed === null || row.fixed === undefined ? null : el("div", { class: "faint" }, `+${row.fixed} −${row.broken}`),
  row.ended_itself_share === null || row.ended_itself_share === undefined ? null : el("div", { class: "faint" }, `⏎ ${share(row.ended_itself_share)}`),
].filter(Boolean) : ["–"];

const tables = (result) => Object.entries(result)
  .filter(([, value]) => Array.isArray(value) && value.length && value.every((row) => row && typeof row === "object"))
  .map(([name, rows]) => "round" in rows[0] && "rate" in rows[0] ? roundTable(rows) : plainTable(name, rows));

const ask = (job) => async () => {
  if (opened.has(job.id)) { opened.delete(job.id); draw(`result-${job.id}`); return; }
  try { opened.set(job.id, (await call("GET", `/jobs/${job.id}`)).result); } catch (error) { notice = { text: error.message, bad: true }; }
  draw(`result-${job.id}`);
};

const found = (job) => {
  const known = Object.entries(job.result).filter(([, value]) => value !== null && value !== "");
  if (!known.length && !job.has_tables) return null;
  return el("div", { class: "found" },
    el("div", { class: "faint" }, known.map(([name, value]) => `${words(name)} ${figure(value)}`).join(" · ")),
    job.has_tables ? button(opened.has(job.id) ? "Hide the tables" : "Show the tables", `result-${job.id}`, ask(job), { "aria-expanded": String(opened.has(job.id)) }) : null,
    ...(opened.has(job.id) ? tables(opened.get(job.id)) : []));
};
