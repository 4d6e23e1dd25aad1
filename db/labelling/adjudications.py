"""Adjudications: votes that settle a comparison on which raters disagree.

An adjudication is a row of the vote log like any other, with a purpose of its own. It is no label:
it counts neither for progress nor for agreement. It is learnt and exported in place of the labels
of its comparison; taken back, the labels count again.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, joinedload

from db.labelling import votes
from db.labelling.comparisons import HIDDEN, find_comparison, read_sides
from db.labelling.raters import lock_rater
from db.models import Outcome, Purpose, RaterKind, Vote
from db.models.base import fixed
from db.storage.errors import Conflict

_other = aliased(Vote)


def decides(up_to: int | None = None) -> ColumnElement[bool]:
    """Returns the condition for a vote of the kind that says what a comparison is worth.

    The adjudication where there is a current one, as of row `up_to`; else every label.
    """
    settled = exists().where(
        _other.comparison_id == Vote.comparison_id,
        _other.purpose == Purpose.ADJUDICATION,
        _other.is_current(up_to),
    )
    if up_to is not None:
        settled = settled.where(_other.id <= up_to)
    is_label = (Vote.purpose == Purpose.LABEL) & ~settled.correlate(Vote)
    return (Vote.purpose == Purpose.ADJUDICATION) | is_label


def adjudicate(
    session: Session,
    rater_id: int,
    comparison_id: int,
    outcome: Outcome,
    key: str,
    *,
    strength: int = 1,
    rationale: str | None = None,
) -> Vote:
    """Stores a person's adjudication in the comparison's own terms; it supersedes an earlier one.

    The same again returns the stored row. Raises `Conflict` for a key that says anything else, for
    a judge, for a hidden comparison, on which no vote counts, and where somebody else settles it at
    the same moment.
    """
    said = _Said(rater_id, comparison_id, outcome, strength)
    if (stored := _by_key(session, key, said)) is not None:
        return stored
    rater = lock_rater(session, rater_id)
    if rater.kind is not RaterKind.HUMAN:
        raise Conflict(f"{rater.name!r} is no person; a person settles what raters disagree on.")
    sides = read_sides(session, rater_id, comparison_id)
    if not sides.shown:
        raise Conflict(HIDDEN)
    last = _last(session, comparison_id)
    vote = Vote(
        key=key,
        comparison=find_comparison(session, comparison_id),
        rater=rater,
        outcome=outcome,
        purpose=Purpose.ADJUDICATION,
        strength=strength,
        blind=not sides.seen,
        rationale=rationale,
        supersedes_id=last and last.id,
    )
    try:
        with session.begin_nested():
            session.add(vote)
    except IntegrityError as error:
        return _lost(session, key, said, error)
    return vote


def take_back(session: Session, rater_id: int, comparison_id: int, key: str) -> Vote | None:
    """Withdraws the adjudication of a comparison; returns None where there is none.

    The same key again returns the same row. Raises `Conflict` for one that names anything else.
    """
    said = _Said(rater_id, comparison_id, Outcome.WITHDRAWN)
    if (stored := _by_key(session, key, said)) is not None:
        return stored
    rater = lock_rater(session, rater_id)
    last = _last(session, comparison_id)
    if last is None or last.outcome is Outcome.WITHDRAWN:
        return None
    try:
        with session.begin_nested():
            return votes.withdraw(session, last, rater, key)
    except IntegrityError as error:
        return _lost(session, key, said, error)


def among(session: Session, comparison_ids: Collection[int]) -> list[int]:
    """Returns those of these comparisons, however many, that were ever adjudicated."""
    first = select(Vote.comparison_id).where(  # there is an index of just these
        Vote.purpose == fixed(Purpose.ADJUDICATION), Vote.supersedes_id.is_(None)
    )
    return list(set(session.scalars(first)) & set(comparison_ids))


def of_comparisons(session: Session, comparison_ids: Collection[int]) -> dict[int, Vote]:
    """Returns the current adjudications of these comparisons, with who made them."""
    rows = select(Vote).where(
        Vote.comparison_id.in_(comparison_ids),
        Vote.purpose == Purpose.ADJUDICATION,
        Vote.is_current(),
    )
    return {vote.comparison_id: vote for vote in session.scalars(rows.options(_RATER))}


_RATER = joinedload(Vote.rater)


def _last(session: Session, comparison_id: int) -> Vote | None:
    """Returns the end of the comparison's chain of adjudications."""
    rows = select(Vote).where(
        Vote.comparison_id == comparison_id,
        Vote.purpose == Purpose.ADJUDICATION,
        ~Vote.is_superseded(),
    )
    return session.scalars(rows).one_or_none()


class _Said(NamedTuple):
    """What a row says: a key that comes again must say the same."""

    rater_id: int
    comparison_id: int
    outcome: Outcome
    strength: int = 1
    purpose: Purpose = Purpose.ADJUDICATION


def _lost(session: Session, key: str, said: _Said, error: IntegrityError) -> Vote:
    """Returns the row that the same request stored a moment before, else says who came first."""
    if (stored := _by_key(session, key, said)) is not None:
        return stored
    raise Conflict(
        "Somebody else settled this pair, or took its ruling back, at the same moment. Look at "
        "what it says now, and settle it again if it shall say something else."
    ) from error


def _by_key(session: Session, key: str, said: _Said) -> Vote | None:
    stored = votes.find_chosen(session, key)
    if stored is not None and said != tuple(getattr(stored, name) for name in _Said._fields):
        raise Conflict(votes.OTHER_KEY)
    return stored
