"""Reads people's votes between two versions as numbers: whose answers, on which prompt, who won."""

from collections.abc import Collection, Iterable
from enum import IntEnum

from sqlalchemy import Row, case, func, select
from sqlalchemy.orm import Session, aliased

from db.models import POLICY, Aspect, Comparison, Outcome, Purpose, Rater, RaterKind, Round, Vote

BASE_ID = 0
"""Stands for the base model, which has no row of its own."""


class GameColumn(IntEnum):
    """The columns of a vote between two versions."""

    VOTE = 0
    COMPARISON = 1
    PROMPT = 2
    LEFT = 3
    """The version on the left, `BASE_ID` for the base model."""
    RIGHT = 4
    POINTS = 5
    """Of the left version: 2 where it won, 1 for a tie and for both bad, 0 where it lost."""


def read_games(
    session: Session, comparisons: Collection[int] | None
) -> Iterable[Row[int, int, int, int, int, int]]:
    """Returns the current votes of people on responses of two different versions at one round.

    All of them, or those on these comparisons, oldest first.
    """
    left, right = aliased(Round), aliased(Round)
    points = case((Vote.outcome == Outcome.LEFT, 2), (Vote.outcome == Outcome.RIGHT, 0), else_=1)
    rows = (
        select(
            Vote.id,
            Vote.comparison_id,
            Comparison.prompt_id,
            func.coalesce(left.adapter_id, BASE_ID),
            func.coalesce(right.adapter_id, BASE_ID),
            points,
        )
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
        .order_by(Vote.id)
    )
    if comparisons is not None:
        rows = rows.where(Vote.comparison_id.in_(comparisons))
    return session.execute(rows)
