// The Label page: one comparison a screen, one key an answer; the next pair is painted at once and
// the answer is sent behind it. The server holds the data; this file is one person's session.

const root = element.querySelector(".label");
const QUIET_MS = 350; // keys pressed before a pair could be read are not a decision
const SLOW_MS = 1000; // an answer on its way for less is not worth a word
const LONGEST_MS = 86_400_000;
const LIT_MS = 150; // the chosen side is lit, then the next pair is there at once

let campaign = null;
let queue = null;
let pace = null;
let pair = null; // on the screen
let lit = null; // the answered pair while it is lit: {timer}
let paintedAt = 0;
let feedback = null; // {key} while its answer is awaited, then {key, words, html}
let last = null; // {key, words, prompt}: what was answered last
let flagged = false;
let showDiff = false;
let busy = false;
let undoKey = null; // kept until the server has answered: asked twice it is undone once
let notice = null; // {text, bad}
let done = 0;
let total = 0; // done and, at most, left
let practiceLeft = 0;
let slow = 0;

// ---- sending to the server

const outbox = openOutbox({
  onAnswer: (entry, answer) => {
    if (entry.kind !== "vote") return;
    done = Math.max(done, answer.done);
    live.textContent = entry.n ? `Pair ${entry.n} saved` : "Saved";
    if (!answer.counted) say("Your answer came too late: others had already labelled this pair. It is stored but not counted.");
    if (entry.practice) showFeedback(entry.about, answer.practice);
  },
  onRefusal: (entry, sentence) => {
    say(`Not saved: ${sentence}`, true);
    if (entry.kind === "reason") reason.giveBack({ key: entry.about, words: entry.words }, entry.body.text, sentence);
    if (feedback?.key === entry.about) { feedback = null; advance(); }
  },
  onChange: () => {
    if (queue && !pair && !lit && !feedback) queue.fill();
    drawRest();
  },
});

const tooSoon = () => performance.now() - paintedAt < QUIET_MS;
const ready = () => {
  if (lit) bar.refuse();
  if (!pair || feedback || busy) return false;
  if (tooSoon()) bar.refuse();
  return !tooSoon();
};

const leave = () => { // the pair on the screen is dealt with
  queue.answered(pair);
  notice = null;
};

const decide = (outcome, strength) => {
  if (!ready()) return;
  const took_ms = Math.min(Math.round(performance.now() - paintedAt), LONGEST_MS);
  const { key, practice } = pair;
  const vote = { outcome, strength, decided_ms: took_ms, client: "label" };
  last = { key, words: CHOICE_WORDS[outcome], prompt: pair.prompt };
  leave();
  if (practice) {
    feedback = { key };
  } else {
    done += 1;
    last.words += ` (pair ${done})`;
    pace.add(took_ms / 1000);
  }
  outbox.put("vote", key, labelPath({ key }, "/vote"), vote, practice ? { practice } : { n: done });
  if (!practice) light(outcome, strength);
};

// Nothing is on the screen to be answered until the next pair is painted.
const light = (outcome, strength) => {
  pair = null;
  lit = { timer: setTimeout(() => { darken(); advance(); }, LIT_MS) };
  view.light(outcome);
  bar.light(outcome, strength);
  drawRest();
};
const darken = () => {
  clearTimeout(lit?.timer);
  lit = null;
  view.light(null);
  bar.light(null);
};

const skip = () => {
  if (!ready()) return;
  leave();
  outbox.put("skip", pair.key, labelPath(pair, "/skip"));
  advance();
};

const flag = () => {
  if (!pair || feedback) return;
  flagged = !flagged;
  say(flagged ? "Flagged. You can still answer it, or skip it." : "The flag is removed.");
  outbox.put("flag", pair.key, labelPath(pair, "/flag"), { flagged, note: "" });
};

// Runs alone, and only once everything sent before has arrived.
const afterwards = (what, work) => async () => {
  if (busy || feedback) return;
  busy = true;
  drawRest();
  try {
    if (await outbox.drained()) await work();
    else say(`${what} has to wait until your answers are saved.`, true);
  } catch (error) {
    say(`${what} did not work: ${error.message}.`.replace("..", "."), true);
  }
  busy = false;
  drawRest();
};

const undo = afterwards("Undo", async () => {
  undoKey ??= freshId();
  const { pair: earlier } = await ask("POST", campaignPath(campaign, "/undo"), { key: undoKey, tab });
  undoKey = null;
  if (!earlier) { say("There is nothing left to undo."); return; }
  queue.forget(earlier);
  darken();
  if (pair) queue.putBack(pair);
  last = null;
  reason.close();
  if (earlier.practice) {
    practiceLeft += 1;
  } else {
    pace.takeBack();
    done = Math.max(0, done - 1);
  }
  notice = null;
  paint(earlier);
});

const reveal = afterwards("Revealing", async () => {
  if (!campaign.reveal || !last) { say(last ? "This campaign does not reveal thoughts and versions." : "You have not answered a pair yet."); return; }
  const about = last;
  const shown = await ask("POST", labelPath(about, "/reveal"));
  panels.show("reveal", "The last pair", (body) => body.replaceChildren(...revealedPanel({ ...about, ...shown })), { focus: true });
});

// ---- training: nothing goes on before the explanation was there to be read

const showFeedback = (key, result) => {
  if (feedback?.key !== key) { // answered before a reload: its pair is gone, its explanation is not
    darken();
    if (pair) queue?.putBack(pair);
    pair = null;
  }
  feedback = { key, words: result ? feedbackWords(result) : "Saved.", html: result?.explanation_html ?? "", right: result?.right };
  paintedAt = performance.now();
  practiceLeft = Math.max(0, practiceLeft - 1);
  drawRest();
  bar.next.focus({ preventScroll: true });
};

const goOn = () => {
  if (!feedback?.words || tooSoon()) return;
  feedback = null;
  if (queue) advance(); else drawRest();
};

// ---- drawing

const advance = () => {
  paint(queue.take());
  queue.fill();
};

const paint = (next) => {
  pair = next;
  flagged = false;
  paintedAt = performance.now();
  if (pair) view.draw(pair, null);
  if (pair && showDiff) loadDiff();
  drawRest();
};

const loadDiff = async () => {
  const wanted = pair;
  try {
    wanted.pieces ??= (await ask("GET", labelPath(wanted, "/diff"))).pieces;
  } catch (error) {
    say(`The differences cannot be shown: ${error.message}`, true);
  }
  if (pair === wanted && wanted.pieces && showDiff) view.draw(pair, wanted.pieces);
};

const toggleDiff = () => {
  showDiff = !showDiff;
  if (showDiff && pair) loadDiff();
  else if (pair) view.draw(pair, null);
  drawRest();
};

const say = (text, bad = false) => { notice = { text, bad }; drawRest(); };

const drawRest = () => {
  if (!queue) return;
  banner.draw({ campaign, pair, feedback, practiceLeft });
  view.node.hidden = !pair && !lit;
  empty.draw({ pair: pair ?? lit, feedback, queue: queue.state, done });
  if (queue.state.finished && !pair && !lit) total = done;
  where.draw(done, Math.max(done, total), pace.median_s());
  bar.draw({ pair: pair ?? lit, feedback, busy, last, flagged, diff: showDiff, reveals: campaign.reveal });
  const { n, trouble } = outbox.state();
  clearTimeout(slow);
  if (n && !trouble) slow = setTimeout(() => tellStatus(true), SLOW_MS);
  tellStatus(false);
};

const tellStatus = (isSlow) => {
  const out = outbox.state();
  const trouble = out.trouble ?? queue.state.trouble;
  drawStatus(bar.status, { notice, done, out, trouble, slow: isSlow, pace: pace.words() });
};

// ---- keys, buttons, fingers

const showHelp = (focus) => panels.show("help", "Help", (body) => body.replaceChildren(...help.build().filter(Boolean)), { focus });
const showGuidelines = (focus) => panels.show("guidelines", "Guidelines", (body) => {
  const text = el("div", { class: "label-text rendered" });
  if (campaign.guidelines_html) setHtml(text, campaign.guidelines_html); else text.textContent = "This campaign has no guidelines.";
  body.replaceChildren(text);
}, { focus });
const toggle = (name, show) => (panels.name() === name ? panels.close() : show(true));

const act = (action, strength = 1) => {
  if (action === "help") return toggle("help", showHelp);
  if (action === "guidelines") return toggle("guidelines", showGuidelines);
  if (feedback) return ANSWERS.has(action) ? goOn() : undefined;
  if (ANSWERS.has(action)) return decide(action, strength);
  if (action === "reason") return last ? reason.open(last) : say("Answer a pair first, then give a reason for it.");
  return { skip, undo, flag, diff: toggleDiff, reveal }[action]();
};

const onKey = (event) => {
  if (!element.isConnected || !queue || event.ctrlKey || event.metaKey || event.altKey) return;
  const capturing = panels.name() === "help" && !event.repeat && help.captures(event);
  if (capturing) { event.preventDefault(); return; }
  if (typing(event.target)) return;
  if (event.repeat && event.key === "Enter") event.preventDefault(); // a held key presses a button once
  if (event.key === "Escape" && panels.name()) { event.preventDefault(); panels.close(); return; }
  if (event.key === "Enter" && feedback && !event.target.closest?.("button, a, summary")) return goOn();
  const meaning = keys.meaning(event);
  if (!meaning) return;
  event.preventDefault(); // a held arrow key neither answers twice nor scrolls
  if (!event.repeat) act(meaning.action, meaning.strength);
};

// ---- putting it together

const tab = tabName();
const keys = openKeys();
const view = openPairView();
const banner = openBanner();
const empty = openEmpty(() => queue.again());
const where = openWhere();
const live = el("p", { class: "label-live", "aria-live": "polite" });
const bar = openBar({ keys, act, goOn });
const help = helpPanel(keys, () => { showHelp(false); drawRest(); });
const panels = openPanels({ onToggle: () => { main.classList.toggle("with-panel", panels.name() !== null); if (panels.name() !== "help") help.drop(); } });
const main = el("div", { class: "label-main" }, el("div", { class: "label-work" }, banner.node, empty.node, view.node), panels.node);
const reason = openReason({
  box: bar.reason,
  store: (answer, text) => outbox.put("reason", answer.key, labelPath(answer, "/reason"), { text }, { words: answer.words }),
  onClose: () => drawRest(),
});

const onMore = (answer) => {
  if (answer) {
    done = Math.max(done, answer.done);
    practiceLeft = Math.min(practiceLeft, answer.practice_left);
  }
  if (!pair && !lit && !feedback) {
    const next = queue.take();
    if (next) { paint(next); queue.fill(); }
  }
  drawRest();
};

const start = (chosen, me, others) => {
  campaign = chosen;
  done = campaign.n_done_by_me;
  total = done + campaign.n_left_for_me;
  empty.offer(others);
  practiceLeft = campaign.practice_left;
  pace = openPace(campaign);
  queue = openQueue({ campaign, tab, held: () => [...(pair ? [pair.key] : []), ...outbox.about()], onMore });
  const button = (action, sign, words) => el("button", { type: "button", class: "btn quiet s", "aria-label": words, "data-part": action, onclick: () => act(action) },
    icon(sign), el("span", { class: "label-wide" }, words), el("kbd", { class: "kbd", "aria-hidden": "true" }, keys.sign(action)));
  root.classList.add("desk");
  root.replaceChildren(
    el("header", { class: "label-top" }, where.meter, el("h2", {}, campaign.name), where.node,
      el("div", { class: "label-tools" }, nameLine(me), el("a", { class: "btn quiet s", href: campaignLink("") }, "Home"),
        button("guidelines", "book", "Guidelines"), button("help", "keys", "Keys"))),
    main, bar.node, live,
  );
  const seen = `seen.${campaign.id}`;
  if (campaign.guidelines && saved.read(seen) !== campaign.guidelines.length) showGuidelines(false);
  saved.write(seen, campaign.guidelines.length);
  watchSwipes(view.node, (outcome) => decide(outcome, 1));
  reason.restore();
  queue.fill();
  drawRest();
};

const focusHere = () => { if (!document.hasFocus()) window.focus(); }; // inside a frame keys are dead before
document.addEventListener("keydown", onKey);
root.addEventListener("pointerenter", focusHere);
window.addEventListener("beforeunload", (event) => { if (outbox.state().n) event.preventDefault(); });
focusHere();
outbox.flush();
enter(root, start);
