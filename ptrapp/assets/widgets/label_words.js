// What the page says about itself: how much is done, what waits, why no pair is shown.

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
