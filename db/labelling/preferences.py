"""Reads the votes that are learnt from: current votes on responses that no job has to itself."""

from collections.abc import Collection

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased, selectinload
from sqlalchemy.sql import ColumnElement

from db.labelling.adjudications import decides
from db.models import (
    Aspect,
    Comparison,
    Outcome,
    Rater,
    RaterKind,
    Round,
    Run,
    Vote,
    words_of,
)


def current_votes(
    session: Session, *, after: int = 0, kinds: Collection[RaterKind] | None = None
) -> list[Vote]:
    """Returns the current votes on responses, oldest first, with all that training reads of them.

    Where a comparison was adjudicated, the adjudication stands for all its labels, a judge's too.
    Repeats and practice are checks on a rater, not labels, and are left out. So are a judge's
    votes on a job's own samples: that job makes its pairs of them, and nothing is learnt twice.

    Rater, comparison, prompt and both rounds with their runs and all earlier rounds are loaded in
    a number of queries that hardly grows with the votes; `lineage` then needs no more.
    """
    current = select(Vote).where(Vote.id > after, is_learnable()).order_by(Vote.id)
    if kinds is not None:
        current = current.join(Vote.rater).where(Rater.kind.in_(kinds))
    comparison = selectinload(Vote.comparison)
    sides = (comparison.selectinload(side) for side in (Comparison.left, Comparison.right))
    loads = [selectinload(Vote.rater), comparison.selectinload(Comparison.prompt)]
    for side in sides:
        loads += [
            side.selectinload(Round.run).selectinload(Run.prompt),
            side.selectinload(Round.prompt),
            side.selectinload(Round.adapter),
            side.selectinload(Round.parent, recursion_depth=-1),
        ]
    return list(session.scalars(current.options(*loads)))


def count_preferences(session: Session, after: int = 0, up_to: int | None = None) -> int:
    """Returns how many current votes after row `after` say left or right of two different
    responses: what DPO learns from.

    Counting ends at `up_to`: whoever asks whether there are enough need not know how many more.
    """
    decided = Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT))
    waiting = select(Vote.id).where(Vote.id > after, decided, is_preference()).limit(up_to)
    return session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def has_outcome(session: Session, outcomes: Collection[Outcome], after: int = 0) -> bool:
    """Returns whether any vote after row `after` that is learnt from has one of these outcomes."""
    found = select(Vote.id).where(Vote.id > after, Vote.outcome.in_(outcomes), is_preference())
    return session.scalar(found.limit(1)) is not None


def is_learnable() -> ColumnElement[bool]:
    """Returns the condition for a vote that is learnt from; it looks at its comparison alone."""
    on_responses = exists().where(
        Comparison.id == Vote.comparison_id, Comparison.aspect == Aspect.RESPONSE
    )
    counted = decides() & on_responses.correlate(Vote)
    return Vote.is_current() & counted & ~judged_by_job()


def is_preference() -> ColumnElement[bool]:
    """Returns the condition for a vote that is learnt from and is about two different responses.

    `ptrapp.preferences.learnable` leaves out the others, and says so beside what is learnt.
    """
    left, right = aliased(Round), aliased(Round)
    differ = (
        exists()
        .where(
            Comparison.id == Vote.comparison_id,
            left.id == Comparison.left_round_id,
            right.id == Comparison.right_round_id,
            words_of(left.response) != words_of(right.response),
        )
        .correlate(Vote)
    )
    return is_learnable() & differ


def judged_by_job() -> ColumnElement[bool]:
    """Returns the condition for a judge's vote on rounds that a job sampled for itself."""
    return (
        exists()
        .where(
            Rater.id == Vote.rater_id,
            Rater.kind == RaterKind.JUDGE,
            Comparison.id == Vote.comparison_id,
            Round.id == Comparison.left_round_id,
            Run.id == Round.run_id,
            Run.job_id.is_not(None),
        )
        .correlate(Vote)
    )
