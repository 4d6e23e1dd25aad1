// The Train page: what the next job would take, the queue with its curves, the versions.
// It draws what services/training_panel.py read from the database, and asks our routes to act.

const root = element.querySelector(".train");
const KINDS = { dpo: "DPO", mask_sft: "Thought-mask SFT" };
const percent = (x) => Math.round(100 * x) + " %";

let panel = null;
let notice = null;
let drawn = "";

const act = (path, body, said) => async (event) => {
  event.currentTarget.disabled = true;
  try {
    await call("POST", path, body);
    notice = { text: said };
  } catch (error) {
    notice = { text: error.message, bad: true };
  }
  await refresh();
};

const refresh = async () => {
  try { panel = await call("GET", "/training"); } catch (error) { notice = { text: error.message, bad: true }; }
  draw();
};

const button = (label, part, onclick, attributes = {}) =>
  el("button", { type: "button", class: "act", "data-part": part, onclick, ...attributes }, label);

const table = (caption, heads, rows) =>
  el("div", { class: "table-wrap" }, el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, ...rows)));

const next = () => {
  const now = panel.outlook;
  const taken = [
    count(now.n_pairs, "preference"),
    `${count(now.n_ties, "tie")} and ${now.n_both_bad} “both bad” (kept, not trained on)`,
    now.share_chosen_longer === null ? null : `the chosen response is the longer one in ${percent(now.share_chosen_longer)}`,
  ].filter(Boolean).join(" · ");
  return el("section", {},
    el("h3", {}, "Next job"),
    el("p", {}, `It would improve `, el("strong", {}, now.parent), `, the version that answers now. Since it was trained: ${taken}. Stored refined rounds found right: ${now.n_refined}.`),
    el("div", { class: "acts" },
      button(`Train on preferences (DPO)`, "dpo", act("/jobs", { kind: "dpo" }, "The job is queued."), { class: "act main" }),
      button(`Train on refinements (thought-mask SFT)`, "mask_sft", act("/jobs", { kind: "mask_sft" }, "The job is queued."))),
    panel.train_every ? el("p", { class: "faint" }, `A DPO job is queued by itself at ${panel.train_every} new preferences.`) : null,
    panel.worker ? null : el("p", { class: "bad", role: "alert" }, "No worker is running, so jobs only wait. Start one: python -m training.worker"),
    notice ? el("p", { class: notice.bad ? "bad" : "good", role: notice.bad ? "alert" : "status" }, notice.text) : null);
};

const progress = (job) => {
  if (job.status === "queued") return job.place === 1 ? "next in the queue" : `place ${job.place} in the queue`;
  if (job.status !== "running") return job.error || (job.adapter ? `made ${job.adapter}` : job.phase);
  const left = job.eta_s === null ? "" : ` · ${seconds(job.eta_s)} left`;
  return el("div", {},
    el("progress", { max: Math.max(job.n_steps, 1), value: job.step, "aria-label": "progress" }),
    el("div", {}, `${job.stopping ? "stopping" : job.phase || "starting"} · step ${job.step} of ${job.n_steps || "?"}${left}`));
};

const curve = (job, metric, label) => {
  const points = job.curves[metric] || [];
  if (!points.length) return null;
  const last = points.at(-1)[1];
  const text = `${label} ${last.toFixed(3)}`;
  if (points.length < 2) return el("div", { class: "curve" }, text);
  const [width, height] = [150, 36];
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [from, to] = [points[0][0], points.at(-1)[0]];
  const path = points.map(([step, value]) =>
    `${(((step - from) / (to - from || 1)) * width).toFixed(1)},${(height - 2 - ((value - low) / (high - low || 1)) * (height - 4)).toFixed(1)}`).join(" ");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${label} from ${values[0].toFixed(3)} to ${last.toFixed(3)} over ${points.length} points` })) svg.setAttribute(key, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  for (const [key, value] of Object.entries({ points: path, fill: "none", stroke: "currentColor", "stroke-width": 1.5 })) line.setAttribute(key, value);
  svg.append(line);
  return el("figure", { class: "curve" }, svg, el("figcaption", {}, text));
};

const jobRow = (job) => {
  const acts = [];
  if (["queued", "running"].includes(job.status) && !job.stopping) acts.push(button("Cancel", `cancel-${job.id}`, act(`/jobs/${job.id}/cancel`, undefined, `Job ${job.id} is being stopped; its last checkpoint is kept.`)));
  if (["failed", "cancelled"].includes(job.status)) acts.push(button("Resume", `resume-${job.id}`, act(`/jobs/${job.id}/resume`, undefined, `Job ${job.id} goes on from its last checkpoint.`)));
  return el("tr", {},
    el("td", {}, String(job.id)),
    el("td", {}, KINDS[job.kind] ?? job.kind, el("div", { class: "faint" }, `from ${job.parent}`)),
    el("td", {}, el("span", { class: `state ${job.status}` }, job.status)),
    el("td", { class: job.status === "failed" ? "bad wide" : "wide" }, progress(job)),
    el("td", {}, el("div", { class: "curves" }, curve(job, "loss", "loss"), curve(job, "rewards/margins", "reward margin"))),
    el("td", {}, ...acts));
};

const figures = (metrics) => Object.entries(metrics)
  .filter(([name]) => ["loss", "rewards/margins", "rewards/accuracies", "train_s", "n_examples"].includes(name))
  .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(3)}`).join(" · ");

const versionRow = (version) => el("tr", { class: version.status === "active" ? "serving" : "" },
  el("td", {}, el("strong", {}, version.name), version.parent ? el("div", { class: "faint" }, `from ${version.parent}`) : null),
  el("td", {}, el("span", { class: `state ${version.status}` }, version.status === "active" ? "serving" : version.status)),
  el("td", { class: version.reason ? "bad wide" : "wide" }, version.reason || figures(version.metrics) || ""),
  el("td", { class: "faint" }, version.snapshot ? `snapshot ${version.snapshot}` : ""),
  el("td", {}, ["retired", "ready"].includes(version.status)
    ? button("Serve", `serve-${version.name}`, act(`/versions/${version.name}/serve`, undefined, `${version.name} answers the next prompt.`)) : null));

const draw = () => {
  if (!panel) { root.replaceChildren(el("p", {}, notice?.text ?? "Loading…")); return; }
  const state = JSON.stringify([panel, notice]);
  if (state === drawn) return;
  drawn = state;
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.part : null;
  const serving = panel.versions.find((version) => version.status === "active");
  root.replaceChildren(
    next(),
    el("section", {}, el("h3", {}, "Versions"),
      el("div", { class: "acts" }, serving && serving.name !== "base"
        ? button(`Roll back to ${serving.parent}`, "rollback", act("/versions/rollback", undefined, "Rolled back; the next prompt is answered by the version before.")) : null),
      table("Every version of the policy, newest first", ["Version", "State", "Figures", "Trained on", ""], panel.versions.map(versionRow))),
    el("section", {}, el("h3", {}, "Jobs"),
      panel.jobs.length ? table("Newest first", ["Job", "Method", "State", "Progress", "Curves", ""], panel.jobs.map(jobRow)) : el("p", {}, "No job yet.")));
  if (focused) root.querySelector(`[data-part="${focused}"]`)?.focus();
};

const take = (value) => {
  if (value?.problem) notice = { text: value.problem, bad: true }; // the last panel stays in view
  else panel = value;
  draw();
};

watch("value", () => take(props.value));
take(props.value);
