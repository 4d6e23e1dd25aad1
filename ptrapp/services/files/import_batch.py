"""Collects the rows of one batch of an import under reserved ids and inserts them by table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from db.models import (
    Aspect,
    Comparison,
    Offer,
    Outcome,
    Round,
    Run,
    RunMode,
    RunState,
    Vote,
)
from db.storage import bulk
from db.storage.bulk import ChainEnd
from db.storage.session import Session
from ptrapp.interchange.records import CompletionText, GivenLabel, JudgedPair, Record

AUTHOR = "import"
"""Author of imported rounds: another program's policy is none of ours."""
_KEPT_AUTHORS = ("weak:", "strong:")
"""Prefixes of authors that stay, since they tell trainings what to do with a round."""


_RUN = (
    "id", "prompt_id", "mode", "settings", "state", "created_at", "import_id", "starred",
)  # fmt: skip
_ROUND = (
    "id", "run_id", "prompt_id", "parent_id", "index", "candidate", "author", "thinking",
    "thought", "response", "raw", "well_formed", "sampling", "seed", "n_thought_tokens",
    "n_response_tokens", "finish_reason", "thought_s", "duration_s", "correct", "created_at",
    "thought_end", "asked_again",
)  # fmt: skip
_COMPARISON = (
    "id", "prompt_id", "left_round_id", "right_round_id", "aspect", "created_at", "import_id",
)  # fmt: skip
_OFFER = (
    "key", "comparison_id", "rater_id", "flipped", "purpose", "thoughts_seen", "dismissed",
    "shown_at",
)  # fmt: skip
_VOTE = (
    "id", "key", "comparison_id", "rater_id", "offer_key", "outcome", "purpose", "strength",
    "blind", "rationale", "agreed", "decided_ms", "client", "supersedes_id", "created_at",
    "import_id",
)  # fmt: skip
_TABLES = {Run: _RUN, Round: _ROUND, Comparison: _COMPARISON, Offer: _OFFER, Vote: _VOTE}
"""Columns that are written; a table comes after those it refers to. Other columns are NULL."""
_NOWHERE: dict[str, Any] = {}


class NewPair(NamedTuple):
    """Id of a comparison, and whether the record's left is the comparison's right."""

    id: int
    flipped: bool


@dataclass(slots=True)
class ImportedRun:
    """The run of the new rounds of one record; it is stored with the first of them."""

    prompt_id: int
    settings: dict[str, Any]
    id: int | None = None
    n_at: dict[int, int] = field(default_factory=dict)
    """Number of its rounds by index."""


class ImportBatch:
    """Collects rows; `write` stores them, each table after those it refers to."""

    def __init__(
        self, session: Session, now: datetime, records: Sequence[Record], import_id: int
    ) -> None:
        self.new_comparisons: set[int] = set()
        self.scores: list[dict[str, Any]] = []
        self._session = session
        self._now = now
        self._import_id = import_id
        self._rows: dict[type[Any], list[tuple[Any, ...]]] = {table: [] for table in _TABLES}
        pairs = [record for record in records if isinstance(record, JudgedPair)]
        n_earlier = sum(len(pair.left.history) + len(pair.right.history) for pair in pairs)
        n_labels = sum(len(pair.labels) for pair in pairs)
        # More than needed where rounds are stored already; ids left over stay unused.
        self._run_ids = iter(bulk.reserve_ids(session, Run, 2 * len(records)))
        self._round_ids = iter(bulk.reserve_ids(session, Round, 2 * len(records) + n_earlier))
        self._pair_ids = iter(bulk.reserve_ids(session, Comparison, len(pairs)))
        self._vote_ids = iter(bulk.reserve_ids(session, Vote, n_labels))

    @property
    def n_rounds(self) -> int:
        return len(self._rows[Round])

    def round(
        self, run: ImportedRun, one: CompletionText, index: int, parent_id: int | None
    ) -> int:
        """Adds a round to a run. Returns its id."""
        if run.id is None:
            run.id = self._run(run)
        round_id = next(self._round_ids)
        candidate = run.n_at.get(index, 0)
        run.n_at[index] = candidate + 1
        author = one.author if one.author.startswith(_KEPT_AUTHORS) else AUTHOR
        self._rows[Round].append(
            (
                round_id, run.id, run.prompt_id, parent_id, index, candidate, author, one.thinking,
                one.thought, one.response, one.raw, one.well_formed, _origin(one, author), 0,
                one.n_thought_tokens, one.n_response_tokens, one.finish_reason, 0.0, 0.0,
                one.correct, self._now, one.thought_end, one.asked_again,
            )
        )  # fmt: skip
        return round_id

    def compare(self, prompt_id: int, left_id: int, right_id: int, aspect: str) -> int:
        """Adds a comparison. Returns its id."""
        pair_id = next(self._pair_ids)
        self.new_comparisons.add(pair_id)
        self._rows[Comparison].append(
            (pair_id, prompt_id, left_id, right_id, Aspect(aspect), self._now, self._import_id)
        )
        return pair_id

    def vote(
        self, label: GivenLabel, key: str, pair: NewPair, end: ChainEnd, last: int | None
    ) -> int:
        """Adds a vote that supersedes the rater's `last` one on the pair. Returns its id."""
        vote_id = next(self._vote_ids)
        vote = label.vote
        voted_at = datetime.fromisoformat(vote.created_at) if vote else self._now
        offer_key = None
        if vote and vote.on_left:
            offer_key = key if len(key) <= 32 else sha256(key.encode()).hexdigest()[:32]
            right_on_left = (vote.on_left == "right") != pair.flipped
            self._offer(offer_key, end, right_on_left, voted_at, blind=vote.blind)
        outcome = Outcome(label.outcome)
        outcome = outcome.mirrored() if pair.flipped else outcome
        blind, agreed, decided_ms, client = True, None, None, ""
        if vote:
            blind, agreed = vote.blind, vote.agreed
            decided_ms, client = vote.decided_ms, vote.client
        self._rows[Vote].append(
            (
                vote_id, key, end.comparison_id, end.rater_id, offer_key, outcome,
                end.purpose, label.strength, blind, label.rationale, agreed, decided_ms, client,
                last, voted_at, self._import_id,
            )
        )  # fmt: skip
        return vote_id

    def write(self) -> Counter[str]:
        """Stores everything. Returns the number of rows of each table."""
        for table, rows in self._rows.items():
            bulk.insert_rows(self._session, table, _TABLES[table], rows)
        bulk.insert_scores(self._session, self.scores)
        written = Counter({table.__tablename__: len(rows) for table, rows in self._rows.items()})
        return written + Counter(scores=len(self.scores))

    def _run(self, run: ImportedRun) -> int:
        run_id = next(self._run_ids)
        self._rows[Run].append(
            (
                run_id, run.prompt_id, RunMode.JOB, run.settings, RunState.DONE, self._now,
                self._import_id, False,
            )
        )  # fmt: skip
        return run_id

    def _offer(
        self, key: str, end: ChainEnd, flipped: bool, shown_at: datetime, *, blind: bool
    ) -> None:
        row = (
            key, end.comparison_id, end.rater_id, flipped, end.purpose, not blind, False, shown_at,
        )  # fmt: skip
        self._rows[Offer].append(row)


def _origin(one: CompletionText, author: str) -> dict[str, Any]:
    """Returns what a file says about the origin of a round and our own columns cannot hold."""
    if one.author == author and one.version is None and not one.copy:
        return _NOWHERE
    origin = {
        "author": one.author if one.author != author else None,
        "version": one.version,
        "copy": one.copy or None,
    }
    return {"origin": {name: value for name, value in origin.items() if value is not None}}
