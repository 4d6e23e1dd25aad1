"""Stored rows as rows of a file, one function for each thing that is exported."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from db.content import rounds
from db.labelling import exports
from db.labelling.exports import Chosen, JudgedRow, ShownVote
from db.models import Outcome, Partition, Round
from db.storage.session import Session
from ptrapp.core.dialogue import HistoryOptions, build_messages
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import MessageRole, Turn
from ptrapp.interchange import own, votes
from ptrapp.interchange.conversation import as_messages
from ptrapp.preferences.counting import Counted, Counting, count
from ptrapp.services.files.export_records import Records, prompt_text

Row = Mapping[str, Any]
_AT_ONCE = 500
_MAJORITY = Counting()
_PLAIN = ThoughtFormat("plain", "", "")
"""Messages as they were said, without any model's way of asking for a thought."""


class Completions(StrEnum):
    """What of a completion is written."""

    FULL = "full"
    """All that the policy wrote, its thought included: what a preference optimisation learns."""
    RESPONSE = "response"
    """What was shown and judged."""


@dataclass(slots=True)
class ExportTally:
    """What went into a file, and what did not."""

    raters: dict[str, set[str]] = field(default_factory=dict)
    """Names by kind."""
    n_votes: Counter[str] = field(default_factory=Counter)
    """By kind of rater."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Comparisons and rounds that were left out, by reason."""

    def heard(self, given: Sequence[ShownVote]) -> None:
        for one in given:
            kind = one.vote.rater.kind.value
            self.raters.setdefault(kind, set()).add(one.vote.rater.name)
            self.n_votes[kind] += 1


def vote_rows(
    session: Session, chosen: Chosen, records: Records, tally: ExportTally
) -> Iterator[Row]:
    """Every vote of the log, with the pair it was cast on."""
    for page in exports.all_votes(session, chosen):
        pairs = [one.vote.comparison for one in page]
        records.turn_to(side for pair in pairs for side in (pair.left, pair.right))
        tally.heard(page)
        for pair, one in zip(pairs, page, strict=True):
            yield votes.row_of(records.pair(pair, [one]))


def preference_rows(
    session: Session, chosen: Chosen, what: Completions, records: Records, tally: ExportTally
) -> Iterator[Row]:
    """TRL's conversational preferences: what most raters said, as a training counts it."""
    for page in exports.standing_pairs(session, chosen):
        found = [row for row in page if _decided(row, what, tally) is not None]
        records.turn_to(
            side for row in found for side in (row.comparison.left, row.comparison.right)
        )
        for row in found:
            counted = _count(row, Counter())
            assert counted is not None, "undecided ones were left out"
            better, worse = _sides(row, counted)
            tally.heard(row.votes)
            siblings = better.parent_id == worse.parent_id and better.thinking == worse.thinking
            heard = [one for one in row.votes if one.vote.agreed is not False]
            yield {
                "prompt": _messages(session, better, what, with_history=siblings),
                "chosen": [_answer(better, what)],
                "rejected": [_answer(worse, what)],
                "strength": round(float(counted.strength), 4),
                "n_votes": len(heard),
                "agreement": round(len(counted.vote_ids) / len(heard), 4),
                own.COLUMN: own.column(records.pair(row.comparison, row.votes, left=better)),
            }


def unpaired_rows(
    session: Session, chosen: Chosen, what: Completions, tally: ExportTally
) -> Iterator[Row]:
    """TRL's unpaired preferences (KTO): a completion and whether it is good.

    The better side of a pair is good, the other not; where most said "both bad", neither is. A
    completion that was called both is left out.
    """
    labels: dict[int, set[bool]] = {}
    for page in exports.standing_pairs(session, chosen):
        for row in page:
            for round_, good in _labelled(row, tally):
                labels.setdefault(round_.id, set()).add(good)
            tally.heard(row.votes)
    clear = {round_id: said.pop() for round_id, said in labels.items() if len(said) == 1}
    tally.dropped["called good here and bad there"] += len(labels) - len(clear)
    ids = list(clear)
    for start in range(0, len(ids), _AT_ONCE):
        found = exports.rounds_by_id(session, ids[start : start + _AT_ONCE])
        for round_id in ids[start : start + _AT_ONCE]:
            round_ = found[round_id]
            answer = _answer(round_, what)
            if not answer["content"].strip():
                tally.dropped["empty completion"] += 1
                continue
            prompt = _messages(session, round_, what, with_history=True)
            yield {"prompt": prompt, "completion": [answer], "label": clear[round_id]}
        session.expunge_all()


def refinement_rows(
    session: Session, up_to: int, what: Completions, tally: ExportTally
) -> Iterator[Row]:
    """Refinements to imitate: question, attempts, final answer.

    `loss` says what is learnt of a message: 1 of the final answer, 0 of all before it.
    """
    for page in exports.refined_rounds(session, up_to):
        for round_ in page:
            before = _messages(session, round_, what, with_history=True)
            turns = [turn | {"loss": 0} for turn in before] + [_answer(round_, what) | {"loss": 1}]
            version = round_.adapter.name if round_.adapter else None
            yield {
                "messages": turns,
                "correct": round_.correct,
                "author": round_.author,
                "version": version,
            }


def _count(row: JudgedRow, dropped: Counter[str]) -> Counted | None:
    if row.comparison.prompt.partition is not Partition.TRAIN:
        dropped["prompt is held out for evaluation"] += 1
        return None
    return count([one.vote for one in row.votes], _MAJORITY, dropped)


def _sides(row: JudgedRow, counted: Counted) -> tuple[Round, Round]:
    """The better round, then the other."""
    sides = row.comparison.left, row.comparison.right
    return sides if counted.better is Outcome.LEFT else sides[::-1]


def _decided(row: JudgedRow, what: Completions, tally: ExportTally) -> Counted | None:
    """The outcome of a comparison that gives a pair of two different texts."""
    counted = _count(row, tally.dropped)
    if counted is None:
        return None
    better, worse = (_answer(side, what)["content"] for side in _sides(row, counted))
    if not better.strip() or not worse.strip():
        tally.dropped["empty completion"] += 1
        return None
    if better == worse:
        tally.dropped["the two completions are identical"] += 1
        return None
    return counted


def _labelled(row: JudgedRow, tally: ExportTally) -> Sequence[tuple[Round, bool]]:
    reasons: Counter[str] = Counter()
    counted = _count(row, reasons)
    if counted is not None:
        better, worse = _sides(row, counted)
        return [(better, True), (worse, False)]
    if reasons["both bad"]:
        return [(row.comparison.left, False), (row.comparison.right, False)]
    tally.dropped.update(reasons)
    return []


def _answer(round_: Round, what: Completions) -> dict[str, str]:
    text = round_.raw if what is Completions.FULL else round_.response
    return {"role": MessageRole.ASSISTANT.value, "content": text}


def _messages(
    session: Session, round_: Round, what: Completions, *, with_history: bool
) -> list[dict[str, str]]:
    """System, conversation and question; with the earlier rounds as this one was shown them."""
    shown = HistoryOptions.from_settings(round_.run.settings)
    if what is not Completions.FULL:
        shown = replace(shown, keep_thoughts=False)
    earlier = rounds.lineage(session, round_) if with_history else ()
    refined = build_messages(
        round_.prompt.text,
        [Turn(one.thought, one.response, one.raw) for one in earlier],
        _PLAIN,
        False,
        shown=shown,
    )
    asked = as_messages(prompt_text(round_.prompt))
    return asked[:-1] + [turn.as_dict() for turn in refined]
