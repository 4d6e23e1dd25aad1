// The Data page: import a file, export what was voted, and the snapshots that were made.
// What it shows is what GET /data says; a file goes to POST /import as it is, first with dry_run: what
// was understood is shown, and nothing is stored before somebody who saw it says so.

const root = element.querySelector(".data");

let panel = null;
let imported = null; // what became of the last file
let busy = false;
let exported = null;

const number = (n) => n.toLocaleString("en");
const button = (label, part, onclick, attributes = {}) =>
  el("button", { type: "button", class: "act", "data-part": part, onclick, ...attributes }, label);
const field = (label, control, hint) => el("label", { class: "field" }, el("span", {}, label), control, hint ? el("small", { class: "faint" }, hint) : null);
const select = (name, options, chosen) => el("select", { name }, ...options.map(([value, label]) =>
  el("option", { value, selected: value === chosen }, label)));

const refresh = async () => {
  try { panel = await call("GET", "/data"); } catch (error) { panel = panel ?? { problem: error.message }; }
  draw();
};

// Import

const FORMATS = {
  preferences: "Preferences (TRL, HH-RLHF, our own export)", votes: "Raw votes of Thrice", unpaired: "Unpaired (KTO)",
  comparisons: "Comparisons (two texts and the preferred one)", ranked: "Several ranked or rated answers", trees: "OpenAssistant's trees",
  attempts: "Attempts (question, output1, output2)", argilla: "Argilla", label_studio: "Label Studio JSON",
  label_studio_min: "Label Studio JSON_MIN", prompts: "Prompts alone",
};

const fileInput = el("input", { type: "file", name: "file", accept: ".jsonl,.json,.csv,.tsv,.parquet,.gz" });
const nameInput = el("input", { type: "text", name: "name", maxlength: 50, placeholder: "name of the file" });
const formatInput = el("select", { name: "format" });
const skipInput = el("input", { type: "checkbox", name: "skip_bad" });
const progress = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "upload" });
const importStatus = el("div", { role: "status", class: "status" });
const answerInput = el("input", { type: "text", name: "answer_column", maxlength: 200, placeholder: "detect from its values" });
const pairsInput = el("select", { name: "pairs" }, el("option", { value: "all" }, "every pair of answers"), el("option", { value: "best-worst" }, "the best and the worst"));
const look = button("Preview the file", "look", () => lookAt(fileInput.files[0]), { class: "act main" });
const send = button("Import", "import", () => sendFile(), { class: "act main" });
const understood = el("div", { class: "understood", hidden: true, role: "region", "aria-label": "Preview of the file" });
let looked = null; // the file that was looked at, and what it was asked with
const drop = el("div", { class: "drop" }, field("File", fileInput), el("p", { class: "faint" }, "or drop one here"));

for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", over);
    if (name === "drop" && event.dataTransfer.files.length) fileInput.files = event.dataTransfer.files;
  });
}

// fetch reports no progress of an upload.
const post = (path, file) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  request.open("POST", "api/v1" + path);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.onprogress = (event) => {
    progress.value = event.loaded / Math.max(event.total, 1);
    if (event.loaded === event.total) say(importStatus, "Reading every row…");
  };
  request.onerror = () => reject(new Error("The server does not answer, or the connection was cut. Nothing was imported."));
  request.onload = () => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* said below */ }
    if (request.status < 300) resolve(answer);
    else reject(Object.assign(new Error(answer.error || `The server answered ${request.status}.`), { columns: answer.columns ?? [] }));
  };
  request.send(file);
});

const say = (box, text, bad = false) => {
  box.replaceChildren(...[text].flat().filter(Boolean));
  box.classList.toggle("bad", bad);
};

const asked = (file) => {
  const query = new URLSearchParams({ file: file.name, skip_bad: skipInput.checked, pairs: pairsInput.value });
  if (nameInput.value.trim()) query.set("name", nameInput.value.trim());
  if (formatInput.value) query.set("format", formatInput.value);
  if (answerInput.value.trim()) query.set("answer_column", answerInput.value.trim());
  return query;
};

const posted = async (query, file, words) => {
  busy = look.disabled = send.disabled = true;
  progress.hidden = false;
  say(importStatus, words);
  try {
    return await post(`/import?${query}`, file);
  } catch (error) {
    say(importStatus, [error.message, ...answers(error.columns ?? [])], true);
    return null;
  } finally {
    busy = look.disabled = send.disabled = false;
    progress.hidden = true;
    progress.value = 0;
  }
};

// A refusal because several columns could be the answer is settled by a click on one of them.
const answers = (columns) => columns.map((name) =>
  button(`${name} is the preference`, `answer-${name}`, () => { answerInput.value = name; lookAt(fileInput.files[0]); }));

const forget = () => {
  looked = null;
  understood.hidden = true;
  understood.replaceChildren();
};
for (const input of [fileInput, nameInput, formatInput, skipInput, answerInput, pairsInput]) input.addEventListener("change", forget);
drop.addEventListener("drop", forget);

const lookAt = async (file) => {
  if (busy) return;
  forget();
  if (!file) { say(importStatus, "Choose a file first.", true); return; }
  if (file.size > panel.most_mib * 2 ** 20) {
    say(importStatus, `${file.name} is larger than ${panel.most_mib} MiB. Split it, or import it with: python -m ptrapp import FILE`, true);
    return;
  }
  const query = asked(file);
  const seen = await posted(`${query}&dry_run=true`, file, `Reading ${file.name}…`);
  if (!seen) return;
  looked = { file, query };
  say(importStatus, "");
  understood.replaceChildren(...preview(file, seen));
  understood.hidden = false;
};

const sendFile = async () => {
  if (busy || !looked) return;
  const { file, query } = looked;
  imported = await posted(query, file, `Storing ${file.name}…`);
  if (imported) {
    say(importStatus, done(imported));
    forget();
  }
  await refresh();
};

const listed = (counts) => Object.entries(counts).map(([name, n]) => `${number(n)} × ${name.replace("_", " ")}`).join(", ");
const OUTCOMES = { left: "the left one", right: "the right one", tie: "a tie", both_bad: "both bad" };

// Preview of a file: how it is read, and three rows as they will be stored.
const preview = (file, seen) => {
  const parts = [...new Set(seen.samples.flatMap((sample) => Object.keys(sample).filter((name) => sample[name])))];
  const blocked = seen.n_bad && !skipInput.checked;
  return [
    el("h3", {}, `${file.name}: ${FORMATS[seen.format] ?? seen.format}`),
    el("p", {}, `${number(seen.n_rows)} rows, ${number(seen.n_records)} records. `, listed(seen.outcomes) ? `Votes: ${listed(seen.outcomes)}.` : "No votes."),
    ...seen.said.map((sentence) => el("p", {}, `How it is read: ${sentence}.`)),
    el("p", {}, "Columns read: ", seen.used.join(", ") || "none", ". ", el("strong", {}, "Not read: "), seen.unused.join(", ") || "none", "."),
    listed(seen.left_out) ? el("details", {}, el("summary", {}, `Left out: ${listed(seen.left_out)}.`), el("ul", {}, ...seen.left_out_rows.map((row) => el("li", {}, row)))) : null,
    seen.n_bad ? el("p", { class: "bad" }, `${number(seen.n_bad)} rows cannot be read: ${seen.mistakes.join("; ")}. `,
      blocked ? "Nothing can be imported; correct the file, or skip invalid rows." : "They will be left out.") : null,
    seen.samples.length ? table("The first records as they will be stored", parts, seen.samples.map((sample) =>
      el("tr", {}, ...parts.map((name) => el("td", {}, name === "outcome" ? OUTCOMES[sample[name]] ?? sample[name] : sample[name] ?? ""))))) : null,
    el("div", { class: "acts" }, blocked ? null : send, button("Cancel", "cancel", () => { forget(); say(importStatus, "Nothing was imported."); })),
  ].filter(Boolean);
};

const done = ({ name, format, n_new, n_known, n_skipped, counts, mistakes, unused, left_out }) => {
  const added = Object.entries(counts).map(([table, n]) => `${number(n)} ${table}`).join(", ");
  return [
    el("p", {}, el("strong", {}, `${number(n_new)} new`), ` and ${number(n_known)} already stored records from “${name}”, read as ${FORMATS[format] ?? format}.`,
      added ? ` Added: ${added}.` : " Nothing was added."),
    unused.length ? el("p", {}, `Columns that were not read: ${unused.join(", ")}.`) : null,
    listed(left_out) ? el("p", {}, `Left out: ${listed(left_out)}.`) : null,
    n_skipped ? el("p", {}, `${number(n_skipped)} rows were skipped:`) : null,
    n_skipped ? el("ul", {}, ...mistakes.map((mistake) => el("li", {}, mistake))) : null,
  ].filter(Boolean);
};

// Export

const WHAT = [
  ["preferences", "Preferences (TRL, for DPO)"], ["unpaired", "Unpaired (TRL, for KTO)"],
  ["votes", "Raw votes (complete, can be imported again)"], ["refinements", "Refinements (for SFT)"],
];
const KINDS = [["", "everybody"], ["human", "people"], ["judge", "judges"], ["dataset", "imported files"]];
const exportForm = el("form", { class: "fields", onsubmit: (event) => event.preventDefault() });
const exportStatus = el("div", { role: "status", class: "status" });

const download = (kind) => async () => {
  const chosen = new FormData(exportForm);
  const query = new URLSearchParams({ what: chosen.get("what"), kind, completions: chosen.get("completions"), names: chosen.has("names") });
  for (const name of ["campaign", "raters", "up_to"]) if (chosen.get(name)) query.set(name, chosen.get(name));
  say(exportStatus, "Writing the file…");
  try {
    const response = await fetch(`api/v1/export?${query}`);
    if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error || `The server answered ${response.status}.`);
    const link = el("a", { href: URL.createObjectURL(await response.blob()), download: /filename="(.+?)"/.exec(response.headers.get("Content-Disposition"))?.[1] ?? `export.${kind}` });
    link.click();
    URL.revokeObjectURL(link.href);
    exported = response.headers.get("X-Content-SHA256");
    say(exportStatus, [`Exported; SHA-256 `, el("code", {}, exported), "."]);
  } catch (error) {
    say(exportStatus, error instanceof TypeError ? "The server does not answer. Try again in a moment." : error.message, true);
  }
  await refresh();
};

const fillExport = () => {
  const before = new FormData(exportForm);
  exportForm.replaceChildren(
    field("What", select("what", WHAT, before.get("what") ?? "preferences")),
    field("Campaign", select("campaign", [["", "all"], ...panel.campaigns.map((name) => [name, name])], before.get("campaign") ?? "")),
    field("Rated by", select("raters", KINDS, before.get("raters") ?? "")),
    field("Completions", select("completions", [["full", "full, including thoughts"], ["response", "responses only"]], before.get("completions") ?? "full")),
    field("Votes up to #", el("input", { name: "up_to", type: "text", inputmode: "numeric", placeholder: "now", value: before.get("up_to") ?? "" }), "number of the last vote; for refinements, of the last round"),
    el("label", { class: "check" }, el("input", { type: "checkbox", name: "names", checked: before.has("what") ? before.has("names") : false }), el("span", {}, "include rater names"), el("small", { class: "faint" }, "otherwise raters are numbered; include them to import the file again under the same raters")),
  );
};

// What is there

const table = (caption, heads, rows) => el("div", { class: "table-wrap", tabindex: 0, role: "region", "aria-label": caption }, el("table", {}, el("caption", {}, caption),
  el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, ...rows)));

const counts = () => {
  const votes = KINDS.filter(([kind]) => panel.n_votes[kind]).map(([kind, who]) => `${number(panel.n_votes[kind])} by ${who}`).join(", ");
  return [
    el("p", {}, votes ? `Votes stored: ${votes}.` : "No votes yet."),
    panel.sources.length
      ? table("Prompts by source", ["Source", "Prompts", "Completions", "Comparisons", "Votes"], panel.sources.map((row) =>
        el("tr", {}, el("td", {}, row.source), ...["n_prompts", "n_rounds", "n_comparisons", "n_votes"].map((name) => el("td", { class: "n" }, number(row[name]))))))
      : el("p", {}, "No prompt is stored yet."),
  ];
};

const again = (snapshot) => ["python -m ptrapp export", `--what ${snapshot.what}`, `--completions ${snapshot.completions}`, `--up-to ${snapshot.up_to}`,
  ...(snapshot.kinds ?? []).map((kind) => `--kind ${kind}`), snapshot.campaign ? `--campaign ${JSON.stringify(snapshot.campaign)}` : "",
  snapshot.names ? "--names" : "", `--expect ${snapshot.sha256}`, "--to export.jsonl"].filter(Boolean).join(" ");

const snapshots = () => panel.snapshots.length
  ? [table("Exports, newest first; the same command writes the same bytes", ["What", "Rows", "Up to #", "SHA-256", "Reproduce"], panel.snapshots.map((one) =>
    el("tr", {}, el("td", {}, one.what, el("div", { class: "faint" }, one.campaign ?? "")), el("td", { class: "n" }, number(one.n_rows)), el("td", { class: "n" }, String(one.up_to)),
      el("td", {}, el("code", { title: one.sha256 }, one.sha256.slice(0, 16))),
      el("td", {}, button("Copy command", `again-${one.sha256}`, () => navigator.clipboard?.writeText(again(one)), { "aria-label": `Copy the command that writes ${one.what} ${one.sha256.slice(0, 8)} again` })))))]
  : [el("p", { class: "faint" }, "No export yet.")];

const boxes = { counts: el("div", {}), snapshots: el("div", {}) };
const limits = el("p", { class: "faint" });
const page = [
  el("section", {}, el("h2", {}, "Import"), limits, drop,
    el("div", { class: "fields" }, field("Name", nameInput, "prompts get the source import:NAME"), field("Format", formatInput),
      field("Answer column", answerInput, "the column, control or question that says which text is preferred"),
      field("Multiple answers", pairsInput),
      el("label", { class: "check" }, skipInput, el("span", {}, "skip invalid rows"), el("small", { class: "faint" }, "otherwise one invalid row rejects the whole file"))),
    el("div", { class: "acts" }, look, progress), importStatus, understood),
  el("section", {}, el("h2", {}, "Export"), exportForm,
    el("div", { class: "acts" }, button("JSONL", "jsonl", download("jsonl"), { class: "act main" }), button("Parquet", "parquet", download("parquet")), button("CSV (votes only)", "csv", download("csv"))), exportStatus),
  el("section", {}, el("h2", {}, "What is stored"), boxes.counts),
  el("section", {}, el("h2", {}, "Snapshots"), boxes.snapshots),
];

const draw = () => {
  if (!panel || panel.problem) { root.replaceChildren(el("p", { class: panel ? "bad" : "" }, panel?.problem ?? "Loading…")); return; }
  if (!root.contains(importStatus)) root.replaceChildren(...page);
  limits.textContent = `JSONL, JSON, CSV or Parquet, up to ${panel.most_mib} MiB and ${number(panel.most_rows)} rows; import larger ones from the terminal. A file is imported completely or not at all; importing it again adds nothing.`;
  if (!formatInput.options.length) formatInput.append(el("option", { value: "" }, "detect from its columns"), ...panel.formats.map((name) => el("option", { value: name }, FORMATS[name] ?? name)));
  fillExport();
  boxes.counts.replaceChildren(...counts());
  boxes.snapshots.replaceChildren(...snapshots());
};

draw();
refresh();
