// What a person may choose for the next job. Blank is the recipe's own default and is not sent; the
// recipe knows the bounds, and what it cannot use stands on the failed job.

const KINDS = {
  dpo: "DPO", mask_sft: "Thought-mask SFT", tpo: "TPO iteration", ptr_data: "Refinement data",
  reward_model: "Reward model", evaluate: "Evaluation",
  judge: "Labels by a judge",
};
const EPOCHS = { key: "epochs", label: "Epochs", hint: "passes over the examples", blank: "3" };
const LEARNING_RATE = { key: "learning_rate", label: "Learning rate", hint: "peak; blank chooses by the model’s size", blank: "automatic" };
const MAX_TOKENS = { key: "max_tokens", label: "Response length", hint: "most tokens of a response", blank: "256" };
const MAX_THOUGHT_TOKENS = { key: "max_thought_tokens", label: "Thought length", hint: "most tokens of the thought before it", blank: "256" };
const THINKING = { key: "thinking", label: "Think first", hint: "in which rounds", choices: {
  automatic: "automatic: by whether the model follows its format", later: "later: from round 2 on", always: "always: in every round", never: "never" } };
const INSTRUCTION = { key: "refine_instruction", label: "Instruction between rounds", hint: "the user turn that asks again", text: "Check your answer and improve it." };
const SYSTEM = { key: "system", label: "System message", hint: "before each prompt that has none of its own; what is learnt has it too", optional: "none" };
const SETTINGS = {
  dpo: [
    { key: "form", label: "Loss form", hint: "how votes become a loss", choices: {
      sigmoid: "sigmoid: DPO as published", robust: "robust: some votes are wrong", ipo: "ipo: a target margin",
      rao_kupper: "rao_kupper: learns from ties", davidson: "davidson: learns from ties" } },
    { key: "beta", label: "Beta", hint: "how strongly it stays near the version it starts from", blank: "0.1" },
    { key: "label_smoothing", label: "Label smoothing", hint: "assumed share of wrong votes", blank: "0" },
    { key: "nll_weight", label: "NLL weight", hint: "weight of the chosen response’s likelihood in the loss", blank: "0" },
    { key: "strength", label: "Much better", hint: "how votes for “much better” count", choices: {
      off: "off: like better", margin: "margin: must win by more", weight: "weight: counts for more" } },
    EPOCHS, LEARNING_RATE,
    { key: "soft_labels", label: "Soft labels", hint: "targets are the shares of raters" },
    { key: "length_normalised", label: "Length-normalised", hint: "average per token, so that length gives no advantage" },
  ],
  mask_sft: [
    { key: "preset", label: "Preset", hint: "the loss of the PTR code, or of the paper", choices: {
      official: "official", paper: "paper" } },
    EPOCHS, LEARNING_RATE,
  ],
  tpo: [
    { key: "iterations", label: "Iterations", hint: "one after another, each from the one before", blank: "1" },
    { key: "n_prompts", label: "Prompts", hint: "new ones per iteration", blank: "100" },
    { key: "k", label: "Samples per prompt", hint: "best and worst form a pair", blank: "8" },
    { key: "prompts", label: "Prompt source", hint: "generated, instructions, stored, or hf:NAME", text: "generated" },
    { key: "thinking", label: "Think first", hint: "without is the direct baseline", choices: {
      true: "yes", false: "no: direct answers" } },
    { key: "malformed", label: "Malformed thoughts", hint: "of a model that does not keep to the thought format", choices: {
      automatic: "automatic: by whether the model follows the format", enforce: "enforce: opened and ended for the model",
      reject: "reject: taken as they come" } },
    { key: "temperature", label: "Temperature", hint: "of the samples", blank: "0.8" },
    MAX_TOKENS, MAX_THOUGHT_TOKENS, SYSTEM,
    { key: "n_selection", label: "Selection prompts", hint: "held out, to choose the checkpoint by; 0 takes the held-out loss", blank: "50" },
    { key: "rho", label: "Length control", hint: "ρ; blank moves it until chosen responses are as long as rejected ones", blank: "automatic" },
    EPOCHS, LEARNING_RATE,
  ],
  ptr_data: [
    { key: "n_queries", label: "Questions", hint: "maximum number", blank: "200" },
    { key: "queries", label: "Question source", hint: "generated, instructions, or hf:NAME", text: "generated" },
    { key: "rounds", label: "Rounds", hint: "per trajectory; the last one is the better one", blank: "3" },
    { key: "final", label: "Final answer from", hint: "auto, solver, best_of_n, strong, human, or version:NAME", text: "auto" },
    { key: "n_samples", label: "Samples per question", hint: "of which the best is the final answer", blank: "8" },
    THINKING, INSTRUCTION, SYSTEM, MAX_TOKENS, MAX_THOUGHT_TOKENS,
    { key: "temperature", label: "Temperature", hint: "of attempts and sampled finals; 0 is greedy", blank: "0.95" },
    { key: "progressive", label: "Progressive", hint: "rounds are sampled answers in rising order of the judge’s score" },
  ],
  evaluate: [
    { key: "tasks", label: "Tasks", hint: "generated, held_out, instructions_held_out, hf:NAME …; commas between them", list: "generated" },
    { key: "n", label: "Problems", hint: "per task", blank: "200" },
    { key: "rounds", label: "Rounds", hint: "per answer", blank: "3" },
    { key: "n_samples", label: "Samples", hint: "per problem; 0 is greedy", blank: "0" },
    { key: "temperature", label: "Temperature", hint: "of the samples", blank: "0.8" },
    THINKING, INSTRUCTION, SYSTEM, MAX_TOKENS, MAX_THOUGHT_TOKENS,
    { key: "controls", label: "Controls", hint: "what else could explain a gain; three times the work", choices: {
      true: "measured too", false: "left out" } },
  ],
};

const usualWords = ({ text, list, optional }) => text ?? list ?? optional; // what an empty field of words means

const input = (setting) => {
  const { choices, blank } = setting, usual = usualWords(setting);
  if (choices) return el("select", {}, ...Object.entries(choices).map(([value, label]) => el("option", { value }, label)));
  if (blank) return el("input", { type: "text", inputmode: "decimal", autocomplete: "off", placeholder: blank, maxlength: 40 });
  if (usual) return el("input", { type: "text", autocomplete: "off", placeholder: usual, maxlength: setting.optional ? 2000 : 200 });
  return el("input", { type: "checkbox" });
};

const fields = Object.entries(SETTINGS).flatMap(([kind, settings]) =>
  settings.map((setting) => ({ ...setting, kind, node: input(setting) })));

// What differs from the default; text that is no number goes as it is, to be refused in words.
const changed = (field) => {
  const { choices, blank, list, node } = field, usual = usualWords(field), text = node.value.trim();
  if (choices) return node.selectedIndex > 0 ? node.value : undefined;
  if (usual) {
    if ([ "", usual ].includes(text)) return undefined;
    return list ? text.split(",").map((one) => one.trim()).filter(Boolean) : text;
  }
  if (!blank) return node.checked || undefined;
  const number = Number(text);
  if (!text || number === Number(blank)) return undefined;
  return Number.isFinite(number) ? number : text;
};

const chosen = (kind) => Object.fromEntries(fields.filter((field) => field.kind === kind)
  .map((field) => [field.key, changed(field)]).filter(([, value]) => value !== undefined));

// A link may suggest a setting, as /train?label_smoothing=0.08 does: filled in, and shown as changed.
const suggested = () => {
  const asked = new URLSearchParams(location.search);
  const found = fields.filter(({ key, kind, blank }) => kind === "dpo" && blank && asked.has(key));
  for (const { key, node } of found) node.value = asked.get(key).slice(0, 40);
  return found.length > 0;
};

const settingsForm = () => {
  const changes = el("span", { class: "faint" });
  const reset = el("button", { type: "button", class: "act", hidden: true }, "Reset to the defaults");
  const tell = () => {
    const names = fields.filter((field) => changed(field) !== undefined).map((field) => `${KINDS[field.kind]} ${field.label.toLowerCase()}`);
    changes.textContent = names.length ? ` · changed: ${names.join(", ")}` : "";
    reset.hidden = !names.length;
  };
  reset.addEventListener("click", () => {
    for (const { node } of fields) {
      if (node.type === "checkbox") node.checked = false;
      else if (node.type === "text") node.value = "";
      else node.selectedIndex = 0;
    }
    tell();
    form.querySelector("summary").focus();
  });
  const group = (kind) => el("fieldset", {}, el("legend", {}, KINDS[kind]),
    el("div", { class: "fields" }, ...fields.filter((field) => field.kind === kind).map(({ label, hint, node }) =>
      el("label", { class: node.type === "checkbox" ? "check" : "" }, el("span", {}, label), node, el("small", { class: "faint" }, hint)))));
  const form = el("details", { class: "settings", oninput: tell }, el("summary", {}, "Settings", changes),
    ...Object.keys(SETTINGS).map(group), reset);
  if (suggested()) {
    form.open = true;
    tell();
  }
  return form;
};
