// What the modules pass to each other, for editors and `tsc`; browsers do not read it.

type Outcome = "left" | "right" | "tie" | "both_bad";
/** A piece of a text, and whether it is in both. */
type Piece = [string, "same" | "added" | "removed"];
type Named = { id: number; name: string };
type Board = import("./board.js").Board;
type Desk = import("./label/desk.js").Desk;
type OfBoard = { board: Board };
type OfDesk = { desk: Desk };
/** What Gradio gives a component's script. */
type Host<T = unknown> = {
  element: Element;
  props: { value: T | null };
  trigger: (event: string, data: object) => void;
  watch: (name: string, then: () => void) => void;
};

/** One answer of a run, or the place of one. */
interface Cell {
  index: number;
  candidate: number;
  round_id: number | null;
  state: "waiting" | "writing" | "stored" | "stopped" | "failed";
  response: string;
  /** The stored response as Markdown draws it; empty where that is the response itself. */
  html: string;
  thought: string | null;
  thinking: boolean;
  thought_end: string | null;
  asked_again: boolean;
  truncated: boolean;
  correct: boolean | null;
  missed: string[];
  flip: string | null;
  diff: Piece[];
  version: string | null;
  error: string | null;
  n_tokens: number;
  n_thought_tokens: number;
  thought_s: number;
  duration_s: number;
}

/** Two rounds, and what somebody said of them. */
interface Comparison {
  key: string;
  left: number;
  right: number;
  outcome: Outcome | null;
  strength: number;
  judge: string | null;
  rationale: string | null;
  blind: boolean;
}

/** A run as the server tells it (services/board.py). */
interface Run {
  run_id: number;
  mode: "refine" | "sample";
  state: string;
  prompt: string;
  title: string | null;
  message: string | null;
  system: string | null;
  context: { role: string; content: string }[];
  version: string;
  judge: string | null;
  reference_answer: string | null;
  reference_in_words: string | null;
  is_kept: boolean;
  starred: boolean;
  /** The pin by which every version answers the prompt. */
  pin_id: number | null;
  settings: { n: number | null; thinking: string; versions?: string[]; reference_from?: string };
  cells: Cell[];
  comparisons: Comparison[];
}

/** What the board holds of one run alone. */
interface OfOneRun {
  /** Round ids, in the order they were chosen. */
  chosen: number[];
  /** The one that was chosen last. */
  picked: number | null;
  /** A pair that waits for a decision. */
  offer: { key: string; left: number; right: number } | null;
  notice: { text: string; bad: boolean } | null;
  /** Open campaigns to choose from. */
  sendable: Named[];
  /** What the last vote counts towards. */
  counted: any;
  wholePrompt: boolean;
}

interface Job {
  id: number;
  kind: string;
  status: string;
  share: number | null;
  eta_s: number | null;
  n_waiting: number;
}

/** What GET /frame answers. */
interface Frame {
  name: string;
  role: string;
  pages: string[];
  serving: string;
  parent: string | null;
  may_serve: boolean;
  awaits_model: boolean;
  job: Job | null;
  ended: Job | null;
}

type Version = { name: string; title: string | null; status: string; gate: string | null };

/** A round of the recorded run. */
type RecordedRound = { thought: string; response: string; correct: boolean; n_tokens: number; duration_s: number };
/** The recorded run: its rounds by version. */
type Recording = { prompt: string; version: string; serving: string; command: string; measured?: string } & Record<string, any>;

interface Campaign {
  id: number;
  name: string;
  state: string;
  guidelines: string;
  guidelines_html: string;
  reveal: boolean;
  n_practice: number;
  practice_left: number;
  n_done_by_me: number;
  n_left_for_me: number;
}

/** A comparison on the desk (services/labelling/pairs.py). */
interface Pair {
  key: string;
  aspect: "thought" | "response";
  practice: boolean;
  system: string | null;
  context: { role: string; html: string }[];
  prompt: string;
  prompt_html: string;
  left: { text: string; html: string };
  right: { text: string; html: string };
  /** The answer that was undone. */
  was: Outcome | null;
  /** Whether that was "much better". */
  was_much: boolean;
  /** What differs, once it was asked for. */
  pieces?: Piece[];
}

/** Who asks. */
interface Me {
  name: string;
  /** The same whatever the name is. */
  uid: string;
}

/** What waits in the outbox: about a pair's key. */
interface Entry {
  kind: "vote" | "skip" | "flag" | "reason";
  about: string;
  body?: any;
  /** The pair's number in the campaign. */
  n?: number;
  practice?: boolean;
  /** Of the answer that a reason is for. */
  words?: string;
  /** Where it is kept. */
  name?: string;
  /** When it was put here, in milliseconds. */
  at?: number;
  /** The `uid` of whoever gave it; none in what older pages kept. */
  by?: string;
}

type Told = { thought: string; version: string; correct: boolean | null };
/** The open panel: whose new key is awaited, what stood against the last one, what the last pair was. */
interface OpenPanel {
  name: "help" | "guidelines" | "reveal";
  asked?: string;
  problem?: string | null;
  told?: { words: string; prompt: string; left: Told; right: Told };
}

/** The line for a reason: about which answer, what is typed, and why the server would not have it. */
type ReasonLine = { key: string; words: string; text: string; problem?: string; isFlag?: boolean };

/** A key as it is pressed, and what it means on the desk. */
type Press = Pick<KeyboardEvent, "key" | "shiftKey"> & { code?: string };
type Meaning = { action: string; strength: number };

/** Who hears what became of the outbox's entries. */
interface Listener {
  onAnswer: (entry: Entry, answer: any) => void;
  onRefusal: (entry: Entry, sentence: string) => void;
  onChange: () => void;
}

/** Whom the queue fetches for, with the keys of the pairs that are dealt with there. */
interface Holder {
  campaign: { id: number };
  tab: string;
  held: string[];
  onMore: (answer: any) => void;
}
