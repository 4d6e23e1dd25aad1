"""Reads the votes that are learnt from as numbers: what each says, and whether length decided."""

from collections.abc import Collection, Iterable

from sqlalchemy import Row, case, func, select
from sqlalchemy.orm import Session, aliased

from db.labelling.preferences import is_learnable
from db.models import Comparison, Outcome, Round, Vote, words_of

SAYS = {Outcome.LEFT: 0, Outcome.RIGHT: 1, Outcome.TIE: 2, Outcome.BOTH_BAD: 3}
"""Numbers of the outcomes of a current vote."""


def read_weighed(
    session: Session, comparisons: Collection[int] | None
) -> Iterable[Row[int, int, int, int]]:
    """Returns vote, comparison, outcome as in `SAYS`, and 1 where the longer response was chosen.

    All of them, or those on these comparisons, oldest first; none on two
    responses of the same words.
    """
    left, right = aliased(Round), aliased(Round)
    longer = func.length(left.response) - func.length(right.response)
    chosen_longer = case(
        (Vote.outcome == Outcome.LEFT, case((longer > 0, 1), else_=0)),
        (Vote.outcome == Outcome.RIGHT, case((longer < 0, 1), else_=0)),
        else_=0,
    )
    says = case(*((Vote.outcome == outcome, n) for outcome, n in SAYS.items()))
    rows = (
        select(Vote.id, Vote.comparison_id, says, chosen_longer)
        .join(Comparison, Comparison.id == Vote.comparison_id)
        .join(left, left.id == Comparison.left_round_id)
        .join(right, right.id == Comparison.right_round_id)
        .where(is_learnable(), words_of(left.response) != words_of(right.response))
        .order_by(Vote.id)
    )
    if comparisons is not None:
        rows = rows.where(Vote.comparison_id.in_(comparisons))
    return session.execute(rows)
