"""Rounds as training material: read in bulk, whoever wrote them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from db.models import Partition, Prompt, Round


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
