// Fetches the next pairs before they are needed, so that the next one is always here.

const AHEAD = 8; // asked for; below ENOUGH more are fetched
const ENOUGH = 6;
const MOST_HELD = 50; // the server reads no longer list
const LOOK_AGAIN_S = 5; // when every open pair is with somebody else

const openQueue = ({ campaign, tab, held, onMore }) => {
  let ahead = [];
  const seen = new Set(); // answered on this page: an answer still on its way is not offered again
  let asking = false;
  let failed = 0;
  let timer = 0;
  const state = { finished: false, trouble: null, refused: null, looked: false };

  const later = (wait_s) => { clearTimeout(timer); timer = setTimeout(fill, 1000 * wait_s); };

  const fetchMore = async () => {
    const known = [...held(), ...ahead.map((pair) => pair.key)];
    const body = { n: AHEAD - ahead.length, have: [...new Set(known)].slice(0, MOST_HELD), tab };
    const answer = await ask("POST", campaignPath(campaign, "/next"), body);
    const mine = new Set([...held(), ...ahead.map((pair) => pair.key), ...seen]);
    ahead.push(...answer.pairs.filter((pair) => !mine.has(pair.key)));
    Object.assign(state, { finished: answer.finished, trouble: null, refused: null, looked: true });
    failed = 0;
    // With answers on their way the server cannot tell whether this was all: asked again at once.
    if (!ahead.length && !answer.finished) later(known.length > held().length ? 0 : LOOK_AGAIN_S);
    return answer;
  };

  const fill = async () => {
    if (asking || ahead.length >= ENOUGH || state.refused) return;
    asking = true;
    let answer = null;
    try {
      answer = await fetchMore();
    } catch (error) {
      const again = error instanceof NoAnswer || error.status >= 500 || error.status === 429;
      state[again ? "trouble" : "refused"] = error.message;
      if (again) later(Math.min(2 ** failed++, LONGEST_WAIT_S));
    }
    asking = false;
    onMore(answer);
  };
  window.addEventListener("online", fill);

  return {
    fill,
    state,
    take: () => ahead.shift() ?? null,
    answered: (pair) => seen.add(pair.key),
    putBack: (pair) => { seen.delete(pair.key); ahead.unshift(pair); },
    forget: ({ key }) => { ahead = ahead.filter((other) => other.key !== key); },
    again: () => { state.refused = null; return fill(); },
  };
};
