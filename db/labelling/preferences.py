"""Reads the votes that are learnt from: current votes on responses that no job has to itself."""

from collections.abc import Collection

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.sql import ColumnElement

from db.models import (
    Aspect,
    Comparison,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Round,
    Run,
    Vote,
)


def current_votes(
    session: Session, *, after: int = 0, kinds: Collection[RaterKind] | None = None
) -> list[Vote]:
    """Returns the current votes on responses, oldest first, with all that training reads of them.

    Repeats and practice are checks on a rater, not labels, and are left out. So are a judge's
    votes on a job's own samples: that job makes its pairs of them, and nothing is learnt twice.

    Rater, comparison, prompt and both rounds with their runs and all earlier rounds are loaded in
    a number of queries that hardly grows with the votes; `lineage` then needs no more.
    """
    current = select(Vote).where(Vote.id > after, _learnable()).order_by(Vote.id)
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


def count_preferences(session: Session, after: int = 0) -> int:
    """Returns how many current votes after row `after` say left or right: what DPO learns from."""
    decided = Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT))
    waiting = select(func.count(Vote.id)).where(Vote.id > after, decided, _learnable())
    return session.scalar(waiting) or 0


def _learnable() -> ColumnElement[bool]:
    on_responses = exists().where(
        Comparison.id == Vote.comparison_id, Comparison.aspect == Aspect.RESPONSE
    )
    counted = (Vote.purpose == Purpose.LABEL) & on_responses.correlate(Vote)
    return Vote.is_current() & counted & ~judged_by_job()


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
