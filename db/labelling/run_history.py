"""Finds the runs that people asked for: by text, version, votes and verdicts, a page at a time.

What a rater may not be told is not told by a filter either: a run of which this rater has a pair
open is neither among the right nor among the wrong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from db.models import (
    Comparison,
    Offer,
    Prompt,
    Purpose,
    Rater,
    RaterKind,
    Round,
    Run,
    RunMode,
    Vote,
    now,
)
from db.storage.errors import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are wanted; what is left out restricts nothing."""

    text: str = ""
    """In the prompt, in a response or in the run's name."""
    version_id: int | None = None
    """Of an adapter that wrote a round."""
    by_base: bool = False
    """Whether the base model wrote a round."""
    mode: RunMode | None = None
    voted: bool | None = None
    """Whether a person's vote on two of its rounds counts."""
    right: bool | None = None
    """Whether its last round, or one of its candidates, was found right (or wrong)."""
    starred: bool = False
    deleted: bool = False
    """The runs that were put away, instead of the others."""
    rater_id: int | None = None
    """Who asked; None is everybody."""


class RoundMark(NamedTuple):
    """A round of a run, as far as a list of runs shows it."""

    run_id: int
    correct: bool | None


def find_runs(
    session: Session, wanted: RunFilter, reader_id: int | None, *, start: int, n: int
) -> tuple[Sequence[tuple[Run, str]], int]:
    """Returns `n` runs from `start` on, newest first, each with who asked; and how many there are.

    `reader_id` is who looks.
    """
    which = and_(*_conditions(wanted, reader_id))
    joined = select(func.count()).select_from(Run).join(Prompt, Prompt.id == Run.prompt_id)
    n_found = session.scalar(joined.where(which)) or 0
    rows = (
        select(Run, Rater.name)
        .join(Prompt, Prompt.id == Run.prompt_id)
        .join(Rater, Rater.id == Run.rater_id)
        .where(which)
        .order_by(Run.id.desc())
        .offset(start)
        .limit(n)
    )
    return [row.tuple() for row in session.execute(rows)], n_found


def marks_of(session: Session, run_ids: Sequence[int]) -> dict[int, list[RoundMark]]:
    """Returns the rounds of these runs in their order, by run."""
    rows = select(Round.run_id, Round.correct)
    rows = rows.where(Round.run_id.in_(run_ids))
    found: dict[int, list[RoundMark]] = {run_id: [] for run_id in run_ids}
    for row in session.execute(rows.order_by(Round.run_id, Round.index, Round.candidate)):
        found[row.run_id].append(RoundMark(*row))
    return found


def votes_of(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Returns how many votes of people count on two rounds of each of these runs."""
    left = aliased(Round)
    rows = (
        select(left.run_id, func.count())
        .select_from(left)
        .join(Comparison, Comparison.left_round_id == left.id)
        .join(Vote, Vote.comparison_id == Comparison.id)
        .join(Rater, Rater.id == Vote.rater_id)
        .where(left.run_id.in_(run_ids), *_counts(Rater))
        .group_by(left.run_id)
    )
    return dict(session.execute(rows).tuples().all())


def with_open_pairs(session: Session, reader_id: int | None, run_ids: Sequence[int]) -> set[int]:
    """Returns which of these runs have a pair open for this rater, on any page."""
    if reader_id is None:
        return set()
    return set(session.scalars(_open_pairs(reader_id).where(Round.run_id.in_(run_ids))))


def keep(session: Session, run_id: int, *, title: str | None, starred: bool | None) -> Run:
    """Names and stars a person's run; None leaves that as it is. Raises `Missing`."""
    run = _of_a_person(session, run_id)
    if title is not None:
        run.title = title or None
    if starred is not None:
        run.starred = starred
    session.flush()
    return run


def turn_star(session: Session, run_id: int) -> Run:
    """Stars a person's run, or takes its star away. Raises `Missing`."""
    run = _of_a_person(session, run_id)
    run.starred = not run.starred
    session.flush()
    return run


def delete(session: Session, run_id: int) -> Run:
    """Puts a person's run away; its rounds and the votes on them stay. Raises `Missing`."""
    run = _of_a_person(session, run_id)
    run.deleted_at = run.deleted_at or now()
    session.flush()
    return run


def restore(session: Session, run_id: int) -> Run:
    """Brings a run back that was put away. Raises `Missing`."""
    run = _of_a_person(session, run_id)
    run.deleted_at = None
    session.flush()
    return run


def _of_a_person(session: Session, run_id: int) -> Run:
    run = session.get(Run, run_id)
    if run is None or run.rater_id is None:
        raise Missing(f"There is no run {run_id} of a person.")
    return run


def _conditions(wanted: RunFilter, reader_id: int | None) -> list[ColumnElement[bool]]:
    found = [Run.rater_id.is_not(None), Run.mode != RunMode.JOB]
    found += [Run.is_shown(), Prompt.is_shown()]
    found.append(Run.deleted_at.is_not(None) if wanted.deleted else Run.deleted_at.is_(None))
    if wanted.text:
        found.append(_says(wanted.text))
    if wanted.by_base or wanted.version_id is not None:
        by = Round.adapter_id.is_not_distinct_from(None if wanted.by_base else wanted.version_id)
        found.append(exists().where(Round.run_id == Run.id, by))
    if wanted.mode is not None:
        found.append(Run.mode == wanted.mode)
    if wanted.voted is not None:
        found.append(_is_voted() if wanted.voted else ~_is_voted())
    if wanted.right is not None:
        found.append(_ends(wanted.right))
        if reader_id is not None:
            found.append(Run.id.not_in(_open_pairs(reader_id)))
    if wanted.starred:
        found.append(Run.starred.is_(True))
    if wanted.rater_id is not None:
        found.append(Run.rater_id == wanted.rater_id)
    return found


def _says(words: str) -> ColumnElement[bool]:
    said = exists().where(Round.run_id == Run.id, Round.response.icontains(words, autoescape=True))
    return or_(
        Prompt.text.icontains(words, autoescape=True),
        Run.title.icontains(words, autoescape=True),
        said,
    )


def _is_voted() -> ColumnElement[bool]:
    voter = aliased(Rater)  # `Rater` is who asked
    return exists().where(
        Round.run_id == Run.id,
        Comparison.left_round_id == Round.id,
        Vote.comparison_id == Comparison.id,
        voter.id == Vote.rater_id,
        *_counts(voter),
    )


def _counts(voter: type[Rater]) -> tuple[ColumnElement[bool], ...]:
    return (voter.kind == RaterKind.HUMAN, Vote.purpose == Purpose.LABEL, Vote.is_current())


def _ends(right: bool) -> ColumnElement[bool]:
    last, later = aliased(Round), aliased(Round)
    goes_on = exists().where(later.run_id == last.run_id, later.index > last.index)
    return exists().where(last.run_id == Run.id, last.correct.is_(right), ~goes_on)


def _open_pairs(rater_id: int) -> Select[Any]:
    """Selects the runs with a round in a pair that this rater has not decided.

    As in `offers.offers_of_run`, of several offers of one comparison the newest counts.
    """
    newer = aliased(Offer)
    again = exists().where(
        newer.rater_id + 0 == rater_id,  # found by its comparison: a rater has many offers
        newer.comparison_id == Offer.comparison_id,
        newer.shown_at > Offer.shown_at,
        ~newer.dismissed,
    )
    decided = exists().where(Vote.offer_key == Offer.key)
    return (
        select(Round.run_id)
        .join(
            Comparison,
            or_(Comparison.left_round_id == Round.id, Comparison.right_round_id == Round.id),
        )
        .join(Offer, Offer.comparison_id == Comparison.id)
        .where(Offer.rater_id == rater_id, ~Offer.dismissed, ~decided, ~again)
    )
