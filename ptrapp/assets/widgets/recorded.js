// The recorded run of an untouched Play page: a real run, played once, of the shipped version or of
// the base. It leaves with the first run of one's own (recorded.css).

const root = element.querySelector(".recorded");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const TIMES = [ // of each round: its thought begins, its response begins, its verdict is there; in seconds
  [0.0, 0.3, 2.6], [3.0, 3.8, 5.6], [6.0, 7.0, 9.6],
];
const END_S = 10;
const FRAME_MS = 60;

let run = null;
let version = null;
let at = 0; // seconds into the recording
let paused = false; // by a person
let hovered = false;
let timer = 0;
let drawn = ""; // what the film shows, so that the same is not drawn again

const share = (from, to) => Math.min(1, Math.max(0, (at - from) / (to - from)));
const part = (text, how) => text.slice(0, Math.round(text.length * how));

const roundAt = (round, index) => {
  const [begins, writes, ends] = TIMES[index];
  const state = at < begins ? "waiting" : at < ends ? "writing" : "stored";
  return { state, thought: part(round.thought, share(begins, writes)), response: part(round.response, share(writes, ends)) };
};

const verdict = (round) => el("span", { class: `chip mark ${round.correct ? "ok" : "bad"}` },
  icon(round.correct ? "check" : "x"), round.correct ? "right" : "wrong");

const card = (round, index) => {
  const { state, thought, response } = roundAt(round, index);
  return el("article", { class: `take ${state}`, "aria-label": `Round ${index + 1}` },
    el("div", { class: "answer" },
      el("header", {}, el("h3", {}, `Round ${index + 1}`), state === "stored" ? verdict(round) : null),
      el("p", { class: "response" }, response),
      el("footer", {}, el("p", { class: "cell-meta" }, state === "stored" ? [count(round.n_tokens, "token"), seconds(round.duration_s), version].join(" · ") : state))),
    el("div", { class: "thought" }, el("p", { class: "recorded-thought" }, el("b", {}, "Thought "), thought)));
};

const STEPS = { fixed: "check", broken: "x", same: "same", changed: "swap", waiting: "dots" };
const stepOf = (rounds, index) => {
  if (at < TIMES[index][2]) return "waiting";
  const [before, after] = [rounds[index - 1], rounds[index]];
  if (before.correct !== after.correct) return after.correct ? "fixed" : "broken";
  return before.response === after.response ? "same" : "changed";
};
const arrow = (rounds, index) => {
  const step = stepOf(rounds, index);
  return el("div", { class: `arrow ${step}` }, el("span", {}, icon(STEPS[step])), el("b", {}, step === "waiting" ? "" : step));
};

const film = el("div", { class: "board-grid chain", style: "--chain: minmax(var(--card), 1fr) var(--arrow) minmax(var(--card), 1fr) var(--arrow) minmax(var(--card), 1fr)" });
const clock = el("span", { class: "recorded-clock" });
const hold = el("button", { type: "button", class: "btn s", "data-part": "hold" });
const track = el("progress", { max: END_S, "aria-label": "of the recording" });

const drawFilm = () => {
  const rounds = run[version];
  const now = JSON.stringify([version, rounds.map(roundAt), rounds.map((_, index) => index && stepOf(rounds, index))]);
  if (now !== drawn) film.replaceChildren(...rounds.flatMap((round, index) => (index ? [arrow(rounds, index)] : []).concat(card(round, index))));
  drawn = now;
  track.value = at;
  clock.textContent = `${Math.round(at)} of ${END_S} s`;
  hold.textContent = at >= END_S ? "Play again" : paused ? "Go on" : "Pause";
};

const step = () => {
  if (!paused && !hovered && !document.hidden) at = Math.min(END_S, at + FRAME_MS / 1000);
  drawFilm();
  if (at >= END_S) { clearInterval(timer); timer = 0; }
};

const play = (from) => {
  at = calm.matches ? END_S : from;
  drawFilm();
  clearInterval(timer);
  timer = at < END_S ? setInterval(step, FRAME_MS) : 0;
};

hold.addEventListener("click", () => {
  if (at >= END_S) { paused = false; at = 0; drawFilm(); clearInterval(timer); timer = setInterval(step, FRAME_MS); return; }
  paused = !paused;
  drawFilm();
});
film.addEventListener("pointerenter", (event) => { hovered = event.pointerType === "mouse"; });
film.addEventListener("pointerleave", () => { hovered = false; });

const choose = (name) => { version = name; draw(); play(at); };

const askIt = () => {
  const text = document.querySelector("#prompt textarea");
  const example = [...document.querySelectorAll("#examples .gallery-item")].find((one) => one.textContent.includes(run.prompt.slice(0, 24)));
  if (example) example.click(); // with its reference answer
  window.scrollTo({ top: 0 });
  text?.focus({ preventScroll: true });
};

const draw = () => {
  const choice = (name) => el("button", { type: "button", class: "btn s", "data-part": name, "aria-pressed": String(name === version), onclick: () => choose(name) }, name);
  root.replaceChildren(
    el("div", { class: "recorded-head" }, el("span", { class: "chip acc" }, "Recorded run"), el("h2", { dir: "auto" }, run.prompt),
      el("span", { class: "recorded-versions", role: "group", "aria-label": "Version" }, choice("base"), choice(run.version))),
    film,
    el("div", { class: "recorded-foot" }, hold, track, clock,
      el("span", { class: "wide" }, "Made by ", el("code", {}, run.command)),
      run.measured ? el("a", { href: "versions" }, run.measured) : null,
      el("button", { type: "button", class: "btn s", "data-part": "ask", onclick: askIt }, "Ask it yourself")));
};

// With a run of one's own on the board it is over, for good.
const board = document.querySelector("#thrice-board .board");
const leave = () => { clearInterval(timer); root.hidden = true; root.replaceChildren(); };
const watcher = new MutationObserver(() => { if (!board.hidden) { watcher.disconnect(); run ??= {}; leave(); } });
if (board) watcher.observe(board, { attributes: true, attributeFilter: ["hidden"] });

const take = (value) => {
  if (!value?.prompt || run) return;
  run = value;
  version = run.version;
  root.hidden = false;
  draw();
  play(0);
};

watch("value", () => take(props.value));
root.hidden = true;
take(props.value);
