// What stands around the pair: practice and its feedback, why no pair is there, what is stored.

const storedWords = ({ n, kinds, trouble }, slow) => {
  if (!n) return "all saved";
  const waiting = count(n, kinds.size === 1 && kinds.has("vote") ? "vote" : "answer");
  return trouble ? `${waiting} waiting: ${trouble.replace(/\.$/, "")}` : slow ? `sending ${waiting}` : "all saved";
};

const emptyWords = (queue, done) => {
  if (queue.refused) return queue.refused;
  if (queue.finished) return `You have labelled every pair that is available to you: ${count(done, "pair")}. Thank you.`;
  if (queue.trouble) return "The server does not answer. The next pair appears as soon as it does; your answers are saved in this browser.";
  if (queue.looked) return "Every remaining pair is assigned to somebody else at the moment. This page checks again automatically.";
  return "Loading the next pair…";
};

const trainingWords = (campaign, left) => {
  const n = Math.max(campaign.n_practice, left);
  return `Practice ${Math.min(n, n - left + 1)} of ${n}: your answer does not count, and the expected answer is shown afterwards.`;
};

const lessonWords = ({ right, expected }) => (right ? `Correct: ${SAID[expected]}.` : `Expected answer: ${SAID[expected]}.`);

const openBanner = () => {
  const node = el("div", { class: "label-banner", role: "status" });
  let drawn = null;
  return {
    node,
    draw: ({ campaign, pair, lesson, practiceLeft }) => {
      const words = lesson?.words ?? (lesson ? "Waiting for the explanation from the server…"
        : pair?.practice ? trainingWords(campaign, practiceLeft)
        : pair?.was ? `Your earlier answer: ${SAID[pair.was]}. Answer again.` : null);
      const wanted = `${lesson?.key} ${words}`;
      if (drawn === wanted) return; // what is being read aloud stays
      drawn = wanted;
      node.hidden = !words;
      node.className = lesson?.words ? `label-banner ${lesson.right === false ? "wrong" : "right"}` : "label-banner";
      const explanation = el("div", { class: "label-text rendered", dir: "auto" });
      if (lesson?.html) setHtml(explanation, lesson.html);
      node.replaceChildren(el("strong", {}, words ?? ""), explanation);
    },
  };
};

const openEmpty = (again) => {
  const node = el("div", { class: "label-empty", role: "status" });
  const words = el("p", {});
  const button = el("button", { type: "button", class: "label-button", onclick: again }, "Try again");
  node.append(words, button);
  return {
    node,
    draw: ({ pair, lesson, queue, done }) => {
      node.hidden = Boolean(pair || lesson);
      button.hidden = !queue.refused;
      const now = node.hidden ? "" : emptyWords(queue, done);
      if (words.textContent !== now) words.textContent = now;
    },
  };
};

const drawStatus = (node, { notice, done, out, trouble, slow, pace }) => {
  const words = out.n || !trouble ? storedWords(out, slow) : trouble;
  const wanted = JSON.stringify([notice, done, words, pace]);
  if (node.dataset.drawn === wanted) return; // an alert is read aloud once
  node.dataset.drawn = wanted;
  node.replaceChildren(
    ...(notice ? [el("span", { class: notice.bad ? "bad" : "", role: notice.bad ? "alert" : "status" }, notice.text), " · "] : []),
    `${done} done · `, el("span", { class: trouble ? "bad" : "", "data-part": "stored" }, words),
    ...(pace ? [" · ", pace] : []),
  );
};
