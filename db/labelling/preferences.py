"""The votes that are learnt from: on responses, standing, and nobody's own already."""

from collections.abc import Collection

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.sql import ColumnElement

from db.labelling.votes import stands
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
    """The votes on responses that stand, oldest first, with what training and plots read of them.

    Repeats and practice are checks on a rater, not opinions, and are left out. So is what a judge
    said of a job's own samples: that job makes its pairs of it, and nothing is learnt twice.

    Loaded in a number of queries that hardly grows with the votes: rater, comparison, prompt,
    both rounds with their runs and all their earlier rounds, so that `lineage` asks for no more.
    """
    standing = select(Vote).where(Vote.id > after, _learnable()).order_by(Vote.id)
    if kinds is not None:
        standing = standing.join(Vote.rater).where(Rater.kind.in_(kinds))
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
    return list(session.scalars(standing.options(*loads)))


def count_preferences(session: Session, after: int = 0) -> int:
    """How many standing votes after row `after` say left or right: what DPO learns from."""
    decided = Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT))
    waiting = select(func.count(Vote.id)).where(Vote.id > after, decided, _learnable())
    return session.scalar(waiting) or 0


def _learnable() -> ColumnElement[bool]:
    on_responses = exists().where(
        Comparison.id == Vote.comparison_id, Comparison.aspect == Aspect.RESPONSE
    )
    counted = (Vote.purpose == Purpose.LABEL) & on_responses.correlate(Vote)
    return stands() & counted & ~of_a_job()


def of_a_job() -> ColumnElement[bool]:
    """A judge's vote on rounds that a job had written for itself."""
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
