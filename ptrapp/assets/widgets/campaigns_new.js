// The form of a new campaign: pairs, labels per pair, sampling, and a preview of its size.

const MIX = [
  ["uncertain", "Uncertain", "pairs on which a judge is least certain", 0.5],
  ["uniform", "Uniform", "pairs at random, so that estimates hold for all pairs", 0.5],
  ["overlap", "Overlap", "pairs that somebody else has labelled, to measure agreement", 0],
  ["gold", "Gold", "pairs with a known answer, as a check", 0],
  ["repeat", "Repeats", "pairs the rater has labelled, sides swapped", 0],
];

const whole = (value, blank, attributes = {}) => el("input", { type: "number", min: 0, step: 1, value, placeholder: blank, ...attributes });
const shareInput = (value) => el("input", { type: "number", min: 0, max: 1, step: "any", value });

// The inputs of a new campaign; `bodyOf` makes the body of the request from them.
const newFields = (sources, status) => {
  const inputs = {
    name: el("input", { type: "text", maxlength: 120, autocomplete: "off", required: true }),
    aspect: choice([["response", "responses"], ["thought", "thoughts"]]),
    kind: choice(Object.entries(CHOSEN_BY)),
    judge: choice(sources.judges.map((name) => [name, name])),
    first: choice(sources.versions.map((name) => [name, name])),
    second: choice(sources.versions.map((name) => [name, name])),
    import: choice(sources.imports.map((name) => [name, name.replace(/^import:/, "")])),
    pairs: whole(1000, "1000", { min: 1 }), seed: whole(0, "0"),
    overlap: whole(1, "1", { min: 1, max: 50 }), budget: whole("", "all"), practice: whole(0, "0"),
    reveal: el("input", { type: "checkbox" }),
    mix: Object.fromEntries(MIX.map(([key, , , value]) => [key, shareInput(value)])),
    guidelines: guidelinesField("", status),
  };
  if (sources.versions.length > 1) inputs.second.selectedIndex = 1;
  return inputs;
};

const sourceOf = (inputs) => {
  const kind = inputs.kind.value;
  const more = {
    best_worst: () => ({ judge: inputs.judge.value }),
    versions: () => ({ versions: [inputs.first.value, inputs.second.value] }),
    imported: () => ({ import: inputs.import.value }),
  }[kind]?.() ?? {};
  return { kind, ...more, max_pairs: Number(inputs.pairs.value) || 1000, seed: Number(inputs.seed.value) || 0 };
};

const bodyOf = (inputs) => ({
  name: inputs.name.value.trim(), aspect: inputs.aspect.value, source: sourceOf(inputs), guidelines: inputs.guidelines.area.value,
  overlap: Number(inputs.overlap.value) || 1, budget: inputs.budget.value ? Number(inputs.budget.value) : null,
  mix: Object.fromEntries(Object.entries(inputs.mix).map(([key, node]) => [key, Number(node.value) || 0])),
  reveal: inputs.reveal.checked, n_practice: Number(inputs.practice.value) || 0,
});

// Previews the size once the typing pauses; an older answer never replaces a newer one.
const outlookOf = (inputs) => {
  const line = el("p", { class: "outlook", role: "status" });
  let asked = 0, waiting = null;
  const look = async () => {
    const mine = ++asked;
    const { source, aspect, overlap, budget } = bodyOf(inputs);
    let words;
    try {
      const { n_pairs: n } = source.kind === "none" ? { n_pairs: 0 } : await call("POST", "/campaigns/preview", { source, aspect });
      const labels = Math.min(n * overlap, budget ?? Infinity);
      words = source.kind === "none" ? "It starts empty; add comparisons with POST /api/v1/campaigns/ID/items."
        : n ? `The campaign would have ${count(n, "comparison")} and need ${count(labels, "label")}.`
          : "No stored rounds form such a pair yet: sample some on the Play page, or import some.";
    } catch (error) { words = error.message; }
    if (mine === asked) line.textContent = words;
  };
  return { line, soon: () => { clearTimeout(waiting); waiting = setTimeout(look, 350); } };
};

const newForm = (sources, onMade) => {
  const status = statusLine();
  const inputs = newFields(sources, status);
  const outlook = outlookOf(inputs);
  const only = { best_worst: field("Judge", sources.judges.length ? "whose scores are used" : "no judge has scored candidates yet", inputs.judge),
    versions: el("div", { class: "two" }, field("Version", "", inputs.first), field("against", "", inputs.second)),
    imported: field("Import", sources.imports.length ? "which import" : "nothing is imported yet", inputs.import) };
  const arrange = () => { for (const [kind, node] of Object.entries(only)) node.hidden = inputs.kind.value !== kind; outlook.soon(); };
  const make = el("button", { type: "submit", class: "act main", "data-part": "create" }, "Create the campaign");
  const form = el("form", { oninput: arrange, onsubmit: async (event) => {
    event.preventDefault();
    if (make.disabled) return;
    make.disabled = true;
    try { await onMade((await call("POST", "/campaigns", bodyOf(inputs))).campaign_id); inputs.name.value = ""; status.say("Created."); } catch (error) { status.say(error.message, true); }
    make.disabled = false;
  } },
  el("div", { class: "fields" },
    field("Name", "what raters see", inputs.name), field("What is compared", "responses or thoughts", inputs.aspect),
    field("Pairs", "which stored rounds are paired", inputs.kind), ...Object.values(only),
    field("Maximum pairs", "a random sample if there are more", inputs.pairs),
    field("Labels per pair", "2 or more to measure agreement", inputs.overlap), field("Budget", "maximum number of labels in total", inputs.budget)),
  el("details", {}, el("summary", {}, "Sampling, practice, reveal"),
    el("div", { class: "fields" }, ...MIX.map(([key, label, hint]) => field(label, hint, inputs.mix[key])),
      field("Practice pairs", "shown to a new rater first", inputs.practice), field("Seed", "of random sampling", inputs.seed),
      field("Reveal", "raters may see thoughts and versions after the vote", inputs.reveal))),
  el("label", { class: "long" }, el("span", {}, "Guidelines"), inputs.guidelines.area), inputs.guidelines.shown,
  outlook.line, el("div", { class: "acts" }, make, inputs.guidelines.look), status.node);
  arrange();
  return form;
};
