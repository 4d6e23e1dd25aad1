// Counts the answers of this session and their speed; pauses do not enter the speed.

const PAUSE_S = 120;
const MEASURED = 500; // decisions the median is taken over

const openPace = (campaign) => {
  const name = `pace.${campaign.id}`;
  const session = { n: 0, took_s: [], ...savedInTab.read(name) };
  return {
    add: (took_s) => {
      session.n += 1;
      if (took_s <= PAUSE_S) session.took_s = [...session.took_s, Math.round(took_s * 10) / 10].slice(-MEASURED);
      savedInTab.write(name, session);
    },
    takeBack: () => { session.n = Math.max(0, session.n - 1); savedInTab.write(name, session); },
    // Median seconds of an answer; null before the third.
    median_s: () => {
      const sorted = [...session.took_s].sort((a, b) => a - b);
      return sorted.length < 3 ? null : sorted[sorted.length >> 1];
    },
    words: () => {
      if (!session.n) return null;
      const sorted = [...session.took_s].sort((a, b) => a - b);
      const total_s = sorted.reduce((sum, one) => sum + one, 0);
      const speed = total_s
        ? `, median ${seconds(sorted[sorted.length >> 1])}, ${Math.round((3600 * sorted.length) / total_s)} per hour` : "";
      return `this session: ${session.n}${speed}`;
    },
  };
};
