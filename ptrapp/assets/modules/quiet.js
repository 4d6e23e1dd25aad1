// @ts-check
// The moment in which a pair cannot have been read: a press then is no decision. Nothing is stored,
// and that is seen and announced.

const QUIET_MS = 350;
const SEEN_MS = 300;
const SAID_MS = 1500;
const LONGEST_MS = 86_400_000;

export class Quiet {
  /** @param {() => void} draw */
  constructor(draw) {
    this.draw = draw;
    this.began = 0;
    this.isSeen = false; // that a press was refused
    this.words = "";
    this.timer = 0;
  }

  /** A pair is painted. */
  begin() { this.began = performance.now(); }

  /** Whether a press now is none. */
  get isNow() { return performance.now() - this.began < QUIET_MS; }

  /** How long the pair has been there. */
  get decided_ms() { return Math.min(Math.round(performance.now() - this.began), LONGEST_MS); }

  refuse() {
    const show = (isSeen = false, words = "") => { Object.assign(this, { isSeen, words }); this.draw(); };
    clearTimeout(this.timer);
    show(true, "Too soon, not counted");
    this.timer = setTimeout(() => {
      show(false, this.words);
      this.timer = setTimeout(show, SAID_MS - SEEN_MS);
    }, SEEN_MS);
  }
}
