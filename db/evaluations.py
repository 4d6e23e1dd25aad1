"""What was measured of each version: accuracy on a task at a round."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Evaluation


def add(
    session: Session,
    *,
    adapter_id: int | None,
    task: str,
    round_index: int,
    setting: str,
    n: int,
    n_correct: int,
) -> Evaluation:
    """Store one measurement. `adapter_id` None is the base model, `round_index` counts from 0."""
    row = Evaluation(
        adapter_id=adapter_id,
        task=task,
        round_index=round_index,
        setting=setting,
        n=n,
        n_correct=n_correct,
    )
    session.add(row)
    session.flush()
    return row


def listing(session: Session, *, task: str | None = None) -> list[Evaluation]:
    """Every measurement, of one task if named, oldest first."""
    rows = select(Evaluation).order_by(Evaluation.id)
    if task is not None:
        rows = rows.where(Evaluation.task == task)
    return list(session.scalars(rows))
