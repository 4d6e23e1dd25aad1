"""Counts people's votes between two versions, by prompt."""

from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, aliased

from db.models import POLICY, Aspect, Comparison, Outcome, Purpose, Rater, RaterKind, Round, Vote


class Games(NamedTuple):
    """People's votes between two versions on one prompt."""

    left_id: int | None
    """The version whose wins are counted; None is the base model."""
    right_id: int | None
    prompt_id: int
    wins: float
    """A tie counts one half."""
    n: int


def between_versions(session: Session) -> list[Games]:
    """Returns the current votes of people on responses of two different versions at one round."""
    left, right = aliased(Round), aliased(Round)
    won = case((Vote.outcome == Outcome.LEFT, 1.0), (Vote.outcome == Outcome.RIGHT, 0.0), else_=0.5)
    rows = (
        select(left.adapter_id, right.adapter_id, Comparison.prompt_id, func.sum(won), func.count())
        .select_from(Comparison)
        .join(left, left.id == Comparison.left_round_id)
        .join(right, right.id == Comparison.right_round_id)
        .join(Vote, Vote.comparison_id == Comparison.id)
        .join(Rater, Rater.id == Vote.rater_id)
        .where(
            left.adapter_id.is_distinct_from(right.adapter_id),
            left.index == right.index,
            left.author == POLICY,
            right.author == POLICY,
            Comparison.aspect == Aspect.RESPONSE,
            Rater.kind == RaterKind.HUMAN,
            Vote.purpose == Purpose.LABEL,
            Vote.is_current(),
        )
        .group_by(left.adapter_id, right.adapter_id, Comparison.prompt_id)
    )
    return [Games(*row) for row in session.execute(rows)]
