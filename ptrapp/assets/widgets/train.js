// The Train page: what the next job would take, the queue with its curves, the versions.
// It draws what services/training_panel.py read from the database, and asks our routes to act.

const root = element.querySelector(".train");
const percent = (x) => Math.round(100 * x) + " %";

let panel = null;
let notice = null;
let confirming = null;

const act = (path, body, success) => async (event) => {
  const pressed = event.currentTarget;
  pressed.disabled = true;
  try {
    await call("POST", path, typeof body === "function" ? body() : body);
    notice = { text: success };
    confirming = null;
  } catch (error) {
    notice = { text: error.message, bad: true };
  }
  await refresh();
  pressed.disabled = false;
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

const outlook = () => {
  const now = panel.outlook;
  const taken = [
    count(now.n_pairs, "preference"),
    `${count(now.n_ties, "tie")} and ${now.n_both_bad} “both bad” (stored, not used by default)`,
    now.share_chosen_longer === null ? null : `the chosen response is the longer one in ${percent(now.share_chosen_longer)}`,
  ].filter(Boolean).join(" · ");
  return [
    el("p", {}, `The next job starts from `, el("strong", {}, now.parent), `, the version that is served now. New since it was trained: ${taken}. Correct refined rounds: ${now.n_refined}.`),
    panel.train_every ? el("p", { class: "faint" }, `A DPO job is queued automatically after ${panel.train_every} new preferences, with the default settings.`) : null,
  ];
};

const queue = (kind) => act("/jobs", () => ({ kind, settings: chosen(kind) }), "The job is queued.");

const METHODS = [
  ["Human feedback", "votes and refined rounds stored here", [["dpo", "Train on preferences (DPO)"], ["mask_sft", "Train on refinements (thought-mask SFT)"]]],
  ["Methods", "the model’s own samples, compared by the judge", [["tpo", "Run a TPO iteration"], ["ptr_data", "Make refinement data (PTR)"]]],
  ["Judges and evaluation", "no new version is made", [["reward_model", "Train a reward model"], ["evaluate", "Evaluate by round"]]],
];

const start = () => el("div", { class: "methods" }, ...METHODS.map(([name, hint, kinds], group) =>
  el("div", {}, el("strong", {}, name), el("span", { class: "faint" }, ` ${hint}`),
    el("div", { class: "acts" }, ...kinds.map(([kind, label]) => button(label, kind, queue(kind), { class: group ? "act" : "act main" }))))));

const noWorker = () => [panel.worker ? null
  : el("p", { class: "bad", role: "alert" }, "No worker is running, so jobs stay queued. Start one: python -m training.worker")];

const progress = (job) => {
  if (job.status === "queued") return job.place === 1 ? "next in the queue" : `number ${job.place} in the queue`;
  if (job.status !== "running") return job.error || (job.adapter ? `created ${job.adapter}` : job.status === "done" ? "" : job.phase);
  const left = job.eta_s === null ? "" : ` · ${seconds(job.eta_s)} left`;
  return el("div", {},
    el("progress", { max: Math.max(job.n_steps, 1), value: job.step, "aria-label": "progress" }),
    el("div", {}, `${job.stopping ? "stopping" : job.phase || "starting"} · step ${job.step} of ${job.n_steps || "?"}${left}`));
};

const LOSS = "What it trained so far is deleted for good: its checkpoints, its frozen data and its log. It cannot be resumed. Votes and versions stay.";

// Said in place, so that nothing covers the page; the second of two quick clicks is not an answer.
const discard = (job) => {
  if (confirming?.id !== job.id) {
    return [button("Discard", `discard-${job.id}`, () => { confirming = { id: job.id, since: Date.now() }; draw(); }, { "aria-label": `Discard job ${job.id}` })];
  }
  const really = act(`/jobs/${job.id}/discard`, undefined, `Job ${job.id} is discarded.`);
  return [
    el("p", { class: "loss", id: `loss-${job.id}` }, LOSS),
    button("Really discard?", `discard-${job.id}`, (event) => { if (Date.now() - confirming.since > 500) really(event); }, { class: "act danger", "aria-describedby": `loss-${job.id}` }),
    button("Keep it", `keep-${job.id}`, () => { confirming = null; draw(`discard-${job.id}`); }),
  ];
};

const notes = (job) => job.notes.length ? el("ul", { class: "notes", "aria-label": `Notes of job ${job.id}` }, ...job.notes.map(({ level, text }) =>
  el("li", { class: level }, level === "warning" ? el("span", { "aria-hidden": "true" }, "⚠ ") : null, el("strong", {}, level === "warning" ? "Warning: " : "Note: "), text))) : null;

const jobRow = (job) => {
  const acts = [];
  if (["queued", "running"].includes(job.status) && !job.stopping) acts.push(button("Cancel", `cancel-${job.id}`, act(`/jobs/${job.id}/cancel`, undefined, `Job ${job.id} is being stopped; its last checkpoint is kept.`)));
  if (["failed", "cancelled"].includes(job.status)) acts.push(button("Resume", `resume-${job.id}`, act(`/jobs/${job.id}/resume`, undefined, `Job ${job.id} resumes from its last checkpoint.`)), ...discard(job));
  return el("tr", {},
    el("td", {}, String(job.id)),
    el("td", {}, KINDS[job.kind] ?? job.kind, el("div", { class: "faint" }, `from ${job.parent}`),
      ...Object.entries(job.settings).map(([name, value]) => el("div", { class: "faint" }, `${name.replaceAll("_", " ")}: ${value}`))),
    el("td", {}, el("span", { class: `state ${job.status}` }, job.status)),
    el("td", { class: "wide" }, el("div", { class: job.status === "failed" ? "outcome bad" : "outcome" }, progress(job)), notes(job),
      found(job),
      el("div", { class: "curves" }, curve(job, "loss", "loss"), curve(job, "rewards/margins", "reward margin"), curve(job, "rewards/accuracies", "reward accuracy"))),
    el("td", {}, acts.length ? el("div", { class: "acts" }, ...acts) : null));
};

const figures = (metrics) => Object.entries(metrics)
  .filter(([name]) => ["loss", "rewards/margins", "rewards/accuracies", "train_s", "n_examples"].includes(name))
  .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(3)}`).join(" · ");

const versionRow = (version) => el("tr", { class: version.status === "active" ? "serving" : "" },
  el("td", {}, el("strong", {}, version.name), version.parent ? el("div", { class: "faint" }, `from ${version.parent}`) : null),
  el("td", {}, el("span", { class: `state ${version.status}` }, version.status === "active" ? "serving" : version.status)),
  el("td", { class: version.reason ? "bad wide" : "wide" }, version.reason || figures(version.metrics) || "",
    version.status === "ready" && version.gate ? el("div", {}, version.gate === "measuring" ? "is being measured before it serves · " : `${version.gate}: ${version.verdict} · `, el("a", { href: "versions" }, "Versions")) : null),
  el("td", { class: "faint" }, version.snapshot ? `snapshot ${version.snapshot}` : ""),
  el("td", {}, ["retired", "unavailable"].includes(version.status) || (version.status === "ready" && ["", "passed"].includes(version.gate))
    ? button("Serve", `serve-${version.name}`, act(`/versions/${version.name}/serve`, undefined, `${version.name} answers the next prompt.`)) : null));

const versions = () => {
  const serving = panel.versions.find((version) => version.status === "active");
  return [
    serving && serving.name !== "base" ? el("div", { class: "acts" },
      button(`Roll back to ${serving.parent}`, "rollback", act("/versions/rollback", undefined, "Rolled back: the previous version answers the next prompt."))) : null,
    table("Every version of the policy, newest first", ["Version", "State", "Metrics", "Trained on", ""], panel.versions.map(versionRow)),
  ];
};

const jobs = () => [panel.jobs.length
  ? table("Newest first", ["Job", "Method", "State", "Progress", ""], panel.jobs.map(jobRow))
  : el("p", {}, "No job yet.")];

// Drawn anew only where something changed: what is being typed, read aloud or pressed stays.
const drawn = new Map();
const redraw = (box, state, build, focus) => {
  const now = JSON.stringify(state);
  if (drawn.get(box) === now) return;
  drawn.set(box, now);
  const part = focus ?? (box.contains(document.activeElement) ? document.activeElement.dataset.part : null);
  box.replaceChildren(...build().filter(Boolean));
  if (part) box.querySelector(`[data-part="${part}"]`)?.focus();
};

const engine = () => [el("details", {}, el("summary", {}, "Served model"),
  el("p", {}, el("strong", {}, panel.engine.model), `, up to ${panel.engine.context_length.toLocaleString("en")} tokens.`),
  el("ul", {}, ...panel.engine.about.map((sentence) => el("li", {}, sentence))))];

const boxes = Object.fromEntries(["outlook", "worker", "versions", "engine", "jobs"].map((name) => [name, el("div", {})]));
const status = el("p", { role: "status" });
const page = [
  el("section", {}, el("h3", {}, "Next job"), boxes.outlook, settingsForm(), start(), boxes.worker, status),
  el("section", {}, el("h3", {}, "Versions"), boxes.versions, boxes.engine),
  el("section", {}, el("h3", {}, "Jobs"), boxes.jobs),
];

const draw = (focus) => {
  if (!panel) { root.replaceChildren(el("p", {}, notice?.text ?? "Loading…")); return; }
  if (!root.contains(status)) root.replaceChildren(...page);
  redraw(boxes.outlook, [panel.outlook, panel.train_every], outlook);
  redraw(boxes.worker, panel.worker, noWorker);
  redraw(boxes.versions, panel.versions, versions);
  redraw(boxes.engine, panel.engine, engine);
  redraw(boxes.jobs, [panel.jobs, confirming, [...opened]], jobs, focus);
  redraw(status, notice, () => [notice?.text]);
  status.className = notice?.bad ? "bad" : "good";
};

const take = (value) => {
  if (value?.problem) notice = { text: value.problem, bad: true }; // the last panel stays in view
  else panel = value;
  draw();
};

watch("value", () => take(props.value));
take(props.value);
