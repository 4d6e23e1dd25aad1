"""Rounds as training material: read in bulk, whoever wrote them."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, contains_eager

from db.models import Partition, Prompt, Round
from db.rounds import POLICY


def training_rounds(session: Session) -> Sequence[Round]:
    """Every stored round of a prompt that is not held out, oldest first, its prompt loaded."""
    rows = (
        select(Round)
        .join(Round.prompt)
        .where(Prompt.partition == Partition.TRAIN)
        .options(contains_eager(Round.prompt))
        .order_by(Round.id)
    )
    return session.scalars(rows).all()


def count_refined(session: Session) -> int:
    """Later rounds worth imitating: found right, or written by somebody stronger."""
    worth = or_(Round.correct.is_(True), Round.author != POLICY)
    rows = (
        select(func.count(Round.id))
        .join(Round.prompt)
        .where(Prompt.partition == Partition.TRAIN, Round.index > 0, worth)
    )
    return session.scalar(rows) or 0
