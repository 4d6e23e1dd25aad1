"""Stores batches of records as rows: prompts, rounds, comparisons, votes.

Everything is looked up by content first, so that nothing is stored twice: a prompt by its hash, a
round by its text, a vote by a key made of rater, texts and outcome.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from db.content.prompts import fingerprint
from db.labelling import raters
from db.models import IMPORTED, Outcome, Partition, Prompt, Purpose, RaterKind
from db.storage import bulk
from db.storage.bulk import ChainEnd
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.interchange.records import (
    Attempted,
    CompletionText,
    GivenLabel,
    JudgedPair,
    PromptText,
    Rated,
    Record,
)
from ptrapp.services.files.import_batch import ImportBatch, ImportedRun, NewPair
from ptrapp.services.files.import_cache import ImportCache, digest_of
from ptrapp.services.files.taking_over import TakingOver

ATTEMPT_AUTHOR = "weak:import"
ANSWER_AUTHOR = "strong:import"

_PROMPT = (
    "id", "sha256", "text", "system", "reference_answer", "task", "source", "partition", "context",
    "created_at", "import_id",
)  # fmt: skip
_NO_TURNS: list[dict[str, str]] = []


class RowImport:
    """An import in progress, in one write transaction."""

    def __init__(
        self, session: Session, name: str, import_id: int, hidden: Collection[int]
    ) -> None:
        """Stores rows as those of an import; what the `hidden` ones had of it is taken over."""
        self.name = name
        self.import_id = import_id
        self.source = f"{IMPORTED}{name}"[:64]
        self.counts: Counter[str] = Counter()
        """Number of rows added, by table."""
        self._settings = {"source": name}
        self._session = session
        self._cache = ImportCache(session)
        self._raters: dict[tuple[str, str], int] = {}
        self._now = datetime.now(UTC)
        self._old = TakingOver(session, import_id, hidden)
        self._place = 0
        """Place in its batch of the record that is stored."""

    def add(self, records: Sequence[Record]) -> list[bool]:
        """Stores a batch. Returns for each of its records whether it added something new."""
        digests = [_hash(_prompt_of(record)) for record in records]
        named = [self._vote_keys(*one) for one in zip(records, digests, strict=True)]
        keys = self._old.living(named)
        known = bulk.known_vote_keys(self._session, [key for some in keys for key in some])
        new, seen = [], set(known)
        for place, (record, digest, some) in enumerate(zip(records, digests, keys, strict=True)):
            if not some or not seen.issuperset(some):
                new.append((place, record, digest, some))
                seen.update(some)
        last_first = reversed(list(enumerate(keys)))
        self._old.voted({key: place for place, some in last_first for key in some if key in known})
        batch = ImportBatch(
            self._session, self._now, [record for _, record, _, _ in new], self.import_id
        )
        prompt_ids = self._prompts([(digest, _prompt_of(record)) for _, record, digest, _ in new])
        pairs: list[tuple[JudgedPair, list[str], NewPair]] = []
        is_new = [False] * len(records)
        for (place, record, _, some), (prompt_id, fresh) in zip(new, prompt_ids, strict=True):
            n_before, self._place = batch.n_rounds, place
            self._old.found.prompts.setdefault(prompt_id, place)
            match record:
                case JudgedPair():
                    pair = self._compare(batch, record, prompt_id)
                    pairs.append((record, some, pair))
                    fresh = fresh or bool(some)
                case Attempted():
                    self._attempt(batch, record, prompt_id)
                case Rated():
                    self._rate(batch, record, prompt_id)
            is_new[place] = fresh or batch.n_rounds > n_before
        self._votes(batch, pairs, known)
        self.counts.update(batch.write())
        self.counts["shown_again"] += self._old.take(is_new)
        self._cache.evict()
        return is_new

    def _prompts(self, hashed: Sequence[tuple[str, PromptText]]) -> list[tuple[int, bool]]:
        """Returns for each hash and prompt the prompt's id, and whether this record added it."""
        first = {digest: n for n, (digest, _) in reversed(list(enumerate(hashed)))}
        ids = bulk.prompts_by_hash(self._session, first)
        self._cache.fetch(set(ids.values()))
        added = sorted(n for digest, n in first.items() if digest not in ids)
        reserved = bulk.reserve_ids(self._session, Prompt, len(added))
        rows = []
        for prompt_id, n in zip(reserved, added, strict=True):
            digest, prompt = hashed[n]
            ids[digest] = prompt_id
            rows.append((prompt_id, digest, *self._prompt_values(prompt)))
        bulk.insert_rows(self._session, Prompt, _PROMPT, rows)
        self.counts["prompts"] += len(rows)
        self._cache.put(reserved)
        by_these = set(added)
        return [(ids[digest], n in by_these) for n, (digest, _) in enumerate(hashed)]

    def _prompt_values(self, prompt: PromptText) -> tuple[Any, ...]:
        """Returns the values of a prompt's row after its id and hash."""
        return (
            prompt.text,
            prompt.system,
            prompt.reference_answer,
            prompt.task,
            prompt.source or self.source,
            Partition.EVAL if prompt.held_out else Partition.TRAIN,
            [turn.as_dict() for turn in prompt.context] if prompt.context else _NO_TURNS,
            self._now,
            self.import_id,
        )

    def _compare(self, batch: ImportBatch, record: JudgedPair, prompt_id: int) -> NewPair:
        run = ImportedRun(prompt_id, self._settings_of(record.left))
        left = self._round(batch, run, record.left)
        if (settings := self._settings_of(record.right)) != run.settings:
            run = ImportedRun(prompt_id, settings)
        right = self._round(batch, run, record.right)
        if left == right:
            raise InputError(
                f"Two completions of the prompt {record.prompt.text[:60]!r} are the same; they "
                "cannot be compared."
            )
        sides = (min(left, right), max(left, right), record.aspect)
        known = self._cache[prompt_id].comparisons
        if (found := known.get(sides)) is None:
            found = known[sides] = batch.compare(prompt_id, *sides)
        else:
            self._old.found.pairs.setdefault(found, self._place)
        return NewPair(found, left > right)

    def _settings_of(self, completion: CompletionText) -> dict[str, Any]:
        history = _history_settings(completion)
        return self._settings | history if history else self._settings

    def _attempt(self, batch: ImportBatch, record: Attempted, prompt_id: int) -> None:
        run = ImportedRun(prompt_id, self._settings | {"n": 2, "n_attempts": 1})
        weak = _direct_answer(record.weak, ATTEMPT_AUTHOR)
        strong = _direct_answer(record.strong, ANSWER_AUTHOR, history=(weak,))
        self._round(batch, run, strong)

    def _rate(self, batch: ImportBatch, record: Rated, prompt_id: int) -> None:
        run = ImportedRun(prompt_id, self._settings)
        round_id = self._round(batch, run, record.completion)
        rater_id = self._nobody(record.nth)
        batch.scores.append(
            {
                "round_id": round_id,
                "rater_id": rater_id,
                "value": float(record.good),
                "created_at": self._now,
                "import_id": self.import_id,
            }
        )
        self._old.found.scored.setdefault(round_id, self._place)

    def _round(self, batch: ImportBatch, run: ImportedRun, completion: CompletionText) -> int:
        """Finds or adds the rounds of a completion and its history. Returns the last one's id."""
        known = self._cache[run.prompt_id].rounds
        parent_id: int | None = None
        for index, one in enumerate((*completion.history, completion)):
            digest = digest_of(one, parent_id)
            if (found := known.get(digest)) is None:
                found = known[digest] = batch.round(run, one, index, parent_id)
            else:
                self._old.found.rounds.setdefault(found, self._place)
            parent_id = found
        assert parent_id is not None, "a chain has at least one round"
        return parent_id

    def _votes(
        self,
        batch: ImportBatch,
        pairs: Sequence[tuple[JudgedPair, list[str], NewPair]],
        known: set[str],
    ) -> None:
        """Adds the labels that are not in the log, each after the rater's last one on the pair."""
        ends = bulk.chain_ends(
            self._session, {pair.id for _, _, pair in pairs} - batch.new_comparisons
        )
        for record, keys, pair in pairs:
            for label, key in zip(record.labels, keys, strict=True):
                if key in known:
                    continue
                known.add(key)
                rater_id = self._rater_of(label)
                purpose = Purpose(label.vote.purpose) if label.vote else Purpose.LABEL
                end = ChainEnd(rater_id, pair.id, purpose)
                if label.preference is None and end.chain not in ends:
                    raise InputError(
                        f"The vote {key!r} withdraws a vote that is neither in the file before it "
                        "nor in the database; export all votes of this rater."
                    )
                ends[end.chain] = batch.vote(label, key, pair, end, ends.get(end.chain))

    def _rater_of(self, label: GivenLabel) -> int:
        if label.vote is not None:
            return self._rater(RaterKind(label.vote.rater_kind), label.vote.rater)
        if label.user is not None:
            return self._rater(RaterKind.HUMAN, f"{self.source}:{label.user}"[:120])
        return self._nobody(label.nth)

    def _nobody(self, nth: int) -> int:
        """Returns the rater of what the file says of a thing for the n-th time, naming nobody."""
        return self._rater(RaterKind.DATASET, self.source if nth == 1 else f"{self.source}#{nth}")

    def _rater(self, kind: RaterKind, name: str) -> int:
        if (kind, name) not in self._raters:
            self._raters[kind, name] = raters.ensure_rater(self._session, kind, name).id
        return self._raters[kind, name]

    def _vote_keys(self, record: Record, digest: str) -> list[str]:
        """Returns a key for each label of a record, the same whenever it is imported again."""
        if not isinstance(record, JudgedPair):
            return []
        return [
            label.vote.key if label.vote else self._key(record, digest, label)
            for label in record.labels
        ]

    def _key(self, record: JudgedPair, digest: str, label: GivenLabel) -> str:
        sides, outcome = (record.left.raw, record.right.raw), Outcome(label.outcome)
        if sides[0] > sides[1]:
            sides, outcome = sides[::-1], outcome.mirrored()
        about = (outcome.value, label.strength, record.aspect)
        again = () if label.nth == 1 else (label.nth,)
        content = (self.source, label.user, digest, *sides, *about, *again)
        return sha256(repr(content).encode()).hexdigest()


def _prompt_of(record: Record) -> PromptText:
    return record if isinstance(record, PromptText) else record.prompt


def _hash(prompt: PromptText) -> str:
    context = [turn.as_dict() for turn in prompt.context]
    return fingerprint(prompt.text, prompt.system, prompt.reference_answer, context)


def _history_settings(completion: CompletionText) -> dict[str, Any]:
    """Returns the settings of a run that say how this round was shown the earlier ones.

    A policy's later round is an attempt: no training takes it for a stronger model's.
    """
    if not completion.history:
        return {}
    strong = completion.author.startswith("strong:")
    attempts = {} if strong else {"n_attempts": len(completion.history) + 1}
    return dict(completion.shown) | attempts


def _direct_answer(
    text: str, author: str, history: tuple[CompletionText, ...] = ()
) -> CompletionText:
    """Returns a completion without a thought: the markers are those of the model that learns it."""
    return CompletionText(text, "", text, thinking=False, author=author, history=history)
