// What stands around the pair: training and its lessons, why no pair is there, what is stored.

const storedWords = ({ n, kinds, trouble }, slow) => {
  if (!n) return "all stored";
  const waiting = count(n, kinds.size === 1 && kinds.has("vote") ? "vote" : "answer");
  return trouble ? `${waiting} waiting: ${trouble.replace(/\.$/, "")}` : slow ? `${waiting} on the way` : "all stored";
};

const emptyWords = (queue, done) => {
  if (queue.refused) return queue.refused;
  if (queue.finished) return `You have answered everything there is for you here: ${count(done, "pair")}. Thank you.`;
  if (queue.trouble) return "The server does not answer. The next pair is shown as soon as it does; what you said is kept in this browser.";
  if (queue.looked) return "Every open pair is with somebody else at the moment. This page looks again by itself.";
  return "Looking for the next pair…";
};

const trainingWords = (campaign, left) => {
  const n = Math.max(campaign.n_practice, left);
  return `Training ${Math.min(n, n - left + 1)} of ${n}: it does not count, and you are told what was expected.`;
};

const lessonWords = ({ right, expected }) => (right ? `Right: ${SAID[expected]}.` : `Expected here: ${SAID[expected]}.`);

const openBanner = () => {
  const node = el("div", { class: "label-banner", role: "status" });
  let drawn = null;
  return {
    node,
    draw: ({ campaign, pair, lesson, practiceLeft }) => {
      const words = lesson?.words ?? (lesson ? "Waiting for the server: the explanation comes with its answer…"
        : pair?.practice ? trainingWords(campaign, practiceLeft)
        : pair?.was ? `You had answered: ${SAID[pair.was]}. Answer again.` : null);
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
