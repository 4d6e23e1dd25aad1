// Texts around the pair: practice and its feedback, why there is no pair, what is saved.

const storedWords = ({ n, kinds, trouble }, slow) => {
  if (!n) return "all saved";
  const waiting = count(n, kinds.size === 1 && kinds.has("vote") ? "vote" : "answer");
  return trouble ? `${waiting} waiting: ${trouble.replace(/\.$/, "")}` : slow ? `sending ${waiting}` : "all saved";
};

const emptyWords = (queue, done) => {
  if (queue.refused) return queue.refused;
  if (queue.finished && !done) return "No pair of this campaign is there for you to label.";
  if (queue.finished) return `You have labelled every pair that is available to you: ${count(done, "pair")}. Thank you.`;
  if (queue.trouble) return "The server does not answer. The next pair appears as soon as it does; your answers are saved in this browser.";
  if (queue.looked) return "Every remaining pair is assigned to somebody else at the moment. This page checks again automatically.";
  return "Loading the next pair…";
};

const trainingWords = (campaign, left) => {
  const n = Math.max(campaign.n_practice, left);
  return `Practice ${Math.min(n, n - left + 1)} of ${n}: your answer does not count, and the expected answer is shown afterwards.`;
};

const feedbackWords = ({ right, expected }) => (right ? `Correct: ${CHOICE_WORDS[expected]}.` : `Expected answer: ${CHOICE_WORDS[expected]}.`);

const openBanner = () => {
  const node = el("div", { class: "label-banner", role: "status" });
  let drawn = null;
  return {
    node,
    draw: ({ campaign, pair, feedback, practiceLeft }) => {
      const words = feedback?.words ?? (feedback ? "Waiting for the explanation from the server…"
        : pair?.practice ? trainingWords(campaign, practiceLeft)
        : pair?.was ? `Your earlier answer: ${CHOICE_WORDS[pair.was]}. Answer again.` : null);
      const wanted = `${feedback?.key} ${words}`;
      if (drawn === wanted) return; // what is being read aloud stays
      drawn = wanted;
      node.hidden = !words;
      node.className = feedback?.words ? `label-banner ${feedback.right === false ? "wrong" : "right"}` : "label-banner";
      const explanation = el("div", { class: "label-text rendered", dir: "auto" });
      if (feedback?.html) setHtml(explanation, feedback.html);
      node.replaceChildren(el("strong", {}, words ?? ""), explanation);
    },
  };
};

const openEmpty = (again) => {
  const node = el("div", { class: "label-empty", role: "status" });
  const words = el("p", {});
  const button = el("button", { type: "button", class: "btn s", onclick: again }, "Try again");
  const next = el("p", {});
  node.append(words, button, next);
  return {
    node,
    // The campaigns where something is left, for when this one has nothing more.
    offer: (campaigns) => next.replaceChildren(
      ...campaigns.slice(0, 3).map((one) => el("a", { class: "btn", href: campaignLink(one.id) }, `${one.name} (${one.n_left_for_me} left)`)),
      el("a", { class: "btn quiet", href: campaignLink("") }, "Home")),
    draw: ({ pair, feedback, queue, done }) => {
      node.hidden = Boolean(pair || feedback);
      button.hidden = !queue.refused;
      next.hidden = !queue.finished && !queue.refused;
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
