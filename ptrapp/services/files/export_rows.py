"""Yields the rows of an exported file, one function for each kind of export."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from db.content import exported, rounds
from db.labelling import exports
from db.labelling.exports import JudgedRow, ShownVote, VoteFilter
from db.models import RaterKind, Round
from db.storage.session import Session
from ptrapp.core.dialogue import HistoryOptions, build_messages
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import MessageRole, Turn
from ptrapp.interchange import native, votes
from ptrapp.interchange.conversation import as_messages
from ptrapp.preferences.counting import MAJORITY
from ptrapp.preferences.learnable import (
    Completions,
    LearnablePair,
    learnable_pair,
    why_not_imitated,
    why_not_rejected,
)
from ptrapp.services.files.export_records import Records, prompt_text

Row = Mapping[str, Any]
_AT_ONCE = 500
_PLAIN = ThoughtFormat("plain", "", "")
"""Messages without any model's instruction to think first."""


@dataclass(slots=True)
class ExportTally:
    """What went into a file, and what did not."""

    raters: dict[str, set[str]] = field(default_factory=dict)
    """Names by kind."""
    n_votes: Counter[str] = field(default_factory=Counter)
    """By kind of rater; in an export of scores, these."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Comparisons and rounds that were left out, by reason."""

    def count(self, votes: Sequence[ShownVote[Any]]) -> None:
        for one in votes:
            self.count_one(one.vote.rater.kind, one.vote.rater.name)

    def count_one(self, kind: RaterKind, name: str) -> None:
        self.raters.setdefault(kind.value, set()).add(name)
        self.n_votes[kind.value] += 1


def vote_rows(
    session: Session, wanted: VoteFilter, records: Records, tally: ExportTally
) -> Iterator[Row]:
    """Yields every vote of the log with its pair."""
    for page in exports.all_votes(session, wanted):
        pairs = [one.vote.comparison for one in page]
        records.prepare(side for pair in pairs for side in (pair.left, pair.right))
        tally.count(page)
        for pair, one in zip(pairs, page, strict=True):
            yield votes.row_of(records.pair(pair, [one]))


def preference_rows(
    session: Session, wanted: VoteFilter, what: Completions, records: Records, tally: ExportTally
) -> Iterator[Row]:
    """Yields TRL's conversational preferences: the majority of each pair, as trainings count it."""
    for page in exports.judged_pairs(session, wanted):
        pairs = [(row, _learnable(row, what, tally.dropped)) for row in page]
        found = [(row, pair) for row, pair in pairs if pair is not None]
        records.prepare(side for _, pair in found for side in (pair.chosen, pair.rejected))
        for row, pair in found:
            chosen, rejected, counted = pair
            tally.count(row.votes)
            n_votes = sum(one.vote.agreed is not False for one in row.votes)
            yield {
                "prompt": _messages(session, chosen, what, with_history=pair.are_siblings),
                "chosen": [_answer(chosen, what)],
                "rejected": [_answer(rejected, what)],
                "strength": round(float(counted.strength), 4),
                "n_votes": n_votes,
                "agreement": round(len(counted.vote_ids) / n_votes, 4),
                native.COLUMN: native.column(records.pair(row.comparison, row.votes, left=chosen)),
            }


def unpaired_rows(
    session: Session, wanted: VoteFilter, what: Completions, tally: ExportTally
) -> Iterator[Row]:
    """Yields TRL's unpaired preferences (KTO): a completion and whether it is good.

    The better side of a pair is good, the other is not; where most votes are "both bad", neither
    is. A completion that is good in one pair and not in another is left out.
    """
    labels: dict[int, set[bool]] = {}
    for page in exports.judged_pairs(session, wanted):
        for row in page:
            if labelled := _labelled(row, what, tally.dropped):
                tally.count(row.votes)
            for round_, good in labelled:
                labels.setdefault(round_.id, set()).add(good)
    clear = {round_id: given.pop() for round_id, given in labels.items() if len(given) == 1}
    tally.dropped["called good here and bad there"] += len(labels) - len(clear)
    ids = list(clear)
    for start in range(0, len(ids), _AT_ONCE):
        found = exports.rounds_by_id(session, ids[start : start + _AT_ONCE])
        for round_id in ids[start : start + _AT_ONCE]:
            round_ = found[round_id]
            prompt = _messages(session, round_, what, with_history=True)
            completion = [_answer(round_, what)]
            yield {"prompt": prompt, "completion": completion, "label": clear[round_id]}
        session.expunge_all()


def refinement_rows(
    session: Session, up_to: int, what: Completions, tally: ExportTally
) -> Iterator[Row]:
    """Yields refinements to imitate: question, attempts, final answer.

    `loss` is 1 for the final answer, which is learnt, and 0 for all messages before it.
    """
    for page in exports.refined_rounds(session, up_to):
        for round_ in page:
            if reason := why_not_imitated(round_):
                tally.dropped[reason] += 1
                continue
            before = _messages(session, round_, what, with_history=True)
            turns = [turn | {"loss": 0} for turn in before] + [_answer(round_, what) | {"loss": 1}]
            version = round_.adapter.name if round_.adapter else None
            yield {
                "messages": turns,
                "correct": round_.correct,
                "author": round_.author,
                "version": version,
            }


def prompt_rows(session: Session, up_to: int) -> Iterator[Row]:
    """Yields TRL's conversational prompts, with what is known of each; they can be imported."""
    for page in exported.prompts(session, up_to):
        tags = exported.tags_of(session, [one.id for one in page])
        for prompt in page:
            known = prompt_text(prompt)
            yield {
                "prompt": as_messages(known),
                "reference_answer": known.reference_answer,
                "task": known.task,
                "source": known.source,
                "held_out": known.held_out,
                "tags": tags.get(prompt.id, []),
            }


def score_rows(
    session: Session, wanted: VoteFilter, what: Completions, records: Records, tally: ExportTally
) -> Iterator[Row]:
    """Yields every score with the response it was given for; held-out prompts say so."""
    for page in exported.scores(session, wanted.up_to, wanted.kinds):
        for round_, rater, value in page:
            name = records.rater_name(rater.id, rater.name, rater.kind)
            tally.count_one(rater.kind, rater.name)
            yield {
                "prompt": _messages(session, round_, what, with_history=True),
                "completion": [_answer(round_, what)],
                "score": value,
                "judge": name,
                "correct": round_.correct,
                "author": round_.author,
                "version": round_.adapter.name if round_.adapter else None,
                "held_out": prompt_text(round_.prompt).held_out,
            }


def _learnable(row: JudgedRow, what: Completions, dropped: Counter[str]) -> LearnablePair | None:
    current = [one.vote for one in row.votes]
    return learnable_pair(row.comparison, current, MAJORITY, what, dropped)


def _labelled(
    row: JudgedRow, what: Completions, dropped: Counter[str]
) -> Sequence[tuple[Round, bool]]:
    """Returns rounds of a comparison, and whether each is good."""
    reasons: Counter[str] = Counter()
    if pair := _learnable(row, what, reasons):
        return [(pair.chosen, True), (pair.rejected, False)]
    if not reasons["both bad"]:
        dropped.update(reasons)
        return []
    bad = []
    for side in (row.comparison.left, row.comparison.right):
        if reason := why_not_rejected(side, what):
            dropped[reason] += 1
        else:
            bad.append((side, False))
    return bad


def _answer(round_: Round, what: Completions) -> dict[str, str]:
    text = round_.raw if what is Completions.FULL else round_.response
    return {"role": MessageRole.ASSISTANT.value, "content": text}


def _messages(
    session: Session, round_: Round, what: Completions, *, with_history: bool
) -> list[dict[str, str]]:
    """Returns system, conversation and question, then earlier rounds as this one was shown them."""
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
    prompt = as_messages(prompt_text(round_.prompt))
    return prompt[:-1] + [turn.as_dict() for turn in refined]
