// The bar at the foot: which two are compared, the five answers to a pair, what a vote counts towards.

const REFUSED_MS = 300;

const ANSWERS = [
  ["left", 2, "A ≫", "much better", "⇧ ←"], ["left", 1, "A >", "better", "←"], ["tie", 1, "=", "tie", "↓"],
  ["right", 1, "B >", "better", "→"], ["right", 2, "B ≫", "much better", "⇧ →"],
];

const barButton = (label, key, action, title = "") =>
  el("button", { type: "button", class: "btn quiet s", "data-part": key, title, onclick: action }, label, el("kbd", {}, key.length === 1 ? key.toUpperCase() : key));

const votingBar = () => [
  el("p", { class: "bar-title" }, "Which response is better? ", el("small", { class: "wide" }, "Thoughts, rounds and marks are covered until you vote.")),
  el("div", { class: "votes", role: "group", "aria-label": "Which response is better?" }, ...ANSWERS.map(([outcome, strength, sign, words, keys]) =>
    el("button", { type: "button", class: "vote", "data-part": keys, "aria-label": `${{ left: "A is ", right: "B is " }[outcome] ?? ""}${words}`, onclick: () => decide(outcome, strength) },
      el("b", {}, sign), el("small", {}, words), el("kbd", {}, keys)))),
  el("div", { class: "bar-more" },
    barButton("Both bad", "x", () => decide("both_bad")),
    board.judge ? barButton("Ask the judge", "j", letJudge, `${board.judge} sees the two responses${board.reference_answer ? " and the reference answer" : ""}, no thought`) : null,
    barButton("Back", "Esc", () => attempt(putAside)),
    marksSeen() ? el("small", {}, "Marks stood here before: the vote says that they were seen.") : null),
];

const restingBar = () => {
  const last = votes().at(-1);
  const bothHere = last && byId(last.left) && byId(last.right);
  const said = bothHere ? `Your vote: ${inWords(last.outcome, last.left, last.right, last.strength > 1 ? "much better" : "better")}${last.blind ? "" : " (not blind: you had opened a thought)"}.` : "";
  const next = chosen.length === 1 ? " Choose a second one." : said ? "" : "Which is better?";
  const how = said || chosen.length ? null : el("small", { class: "wide" }, "Choose two: press Compare, or the number keys of two.");
  return [el("div", { class: "bar-line" },
    el("p", { class: "bar-title" }, said + next, how, counted && said ? el("small", {}, countsInWords(counted), " ", el("a", { href: "train" }, "Train")) : null),
    el("div", { class: "bar-more" },
      votes().length ? barButton("Undo", "u", undo) : null,
      board.state === "running" ? null : barButton("Send to a campaign", "l", send, "adds these pairs to a labelling campaign")))];
};

// What a vote counts towards: {version, n_new, train_every, n_enough}.
const countsInWords = ({ version, n_new: n, train_every: every, n_enough: enough }) => {
  if (!n) return "A tie or two bad answers teach only forms that use them.";
  const has = `${count(n, "preference")} that ${version} has not learnt.`;
  if (every) return n < every ? `${has} ${every - n} more, and a training starts by itself.` : `${has} A training is queued.`;
  return n < enough ? `${has} From ${enough} on, what is trained may serve by itself.` : `${has} Enough to train on.`;
};

// A key pressed before the pair could be read: nothing is stored, and that is seen and announced.
let refused = 0;
const refuse = () => {
  clearTimeout(refused);
  bar.classList.add("early");
  say("Too soon, not counted");
  refused = setTimeout(() => { bar.classList.remove("early"); }, REFUSED_MS);
};
