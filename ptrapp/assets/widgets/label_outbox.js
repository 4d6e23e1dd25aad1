// Requests that the server has not acknowledged: stored in the browser, sent in order and repeated
// until they are answered. Repeating is safe: the server knows the key.

const OUT = "out.";
const FINAL = new Set([400, 404, 409, 410, 413, 422]); // asking again would get the same refusal
const LONGEST_WAIT_S = 30;

const openOutbox = ({ onAnswer, onRefusal, onChange }) => {
  const waiting = saved.names(OUT).sort().map((name) => ({ ...saved.read(name), name })).filter((entry) => entry.path);
  let passing = null;
  let trouble = null; // words: why the last attempt failed
  let failed = 0;
  let timer = 0;
  let n = 0;

  const settle = (entry) => {
    waiting.splice(waiting.indexOf(entry), 1);
    saved.drop(entry.name);
  };

  const deliver = async (entry) => {
    try {
      const answer = await ask("POST", entry.path, entry.body);
      settle(entry);
      return () => onAnswer(entry, answer);
    } catch (error) {
      if (!(error instanceof Refusal && FINAL.has(error.status))) throw error;
      settle(entry);
      return () => onRefusal(entry, error.message);
    }
  };

  const pass = async () => {
    const held = new Set(); // pairs whose earlier entry did not get through: what follows waits for it
    let failure = null;
    for (let entry; (entry = waiting.find(({ about }) => !held.has(about)));) {
      try {
        const tell = await deliver(entry);
        tell();
      } catch (error) {
        failure = error;
        if (error instanceof NoAnswer) break;
        held.add(entry.about);
      }
    }
    passing = null;
    trouble = failure && failure.message;
    failed = failure ? failed + 1 : 0;
    if (failure) timer = setTimeout(flush, 1000 * Math.min(2 ** (failed - 1), LONGEST_WAIT_S));
    onChange();
  };

  const flush = () => {
    clearTimeout(timer);
    passing ??= waiting.length ? pass() : null;
    return passing ?? Promise.resolve();
  };
  window.addEventListener("online", flush);

  return {
    flush,
    put: (kind, about, path, body, more = {}) => {
      const name = `${OUT}${Date.now()}.${String(n++).padStart(6, "0")}.${freshId().slice(0, 8)}`;
      const entry = { kind, about, path, body, ...more };
      saved.write(name, entry);
      waiting.push({ ...entry, name });
      onChange();
      flush();
    },
    about: () => waiting.map((entry) => entry.about),
    // Whether everything got through: false as soon as an attempt failed.
    drained: async () => { await flush(); return waiting.length === 0; },
    state: () => ({ n: waiting.length, kinds: new Set(waiting.map((entry) => entry.kind)), trouble }),
  };
};
