"""Stores and lists measurements of versions: accuracy on a task at a round."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Evaluation, JudgedWinRate, Partition, Prompt

_AT_ONCE = 500
"""Values of one IN: SQLite takes a limited number."""


def add_once(
    session: Session,
    *,
    adapter_id: int | None,
    task: str,
    round_index: int,
    setting: str,
    n: int,
    n_correct: int,
    **more: Any,
) -> Evaluation:
    """Stores one measurement, unless it was stored already under the same `setting`.

    `adapter_id` None is the base model, `round_index` counts from 0. A job that was killed and
    resumed stores its measurements again. `more` are further columns, such as lengths.
    """
    same = select(Evaluation).where(
        Evaluation.adapter_id.is_not_distinct_from(adapter_id),
        Evaluation.task == task,
        Evaluation.round_index == round_index,
        Evaluation.setting == setting,
    )
    if (found := session.scalars(same.limit(1)).one_or_none()) is not None:
        return found
    row = Evaluation(
        adapter_id=adapter_id,
        task=task,
        round_index=round_index,
        setting=setting,
        n=n,
        n_correct=n_correct,
        **more,
    )
    session.add(row)
    session.flush()
    return row


def listing(session: Session, *, task: str | None = None) -> list[Evaluation]:
    """Returns every measurement, of one task if named, oldest first."""
    rows = select(Evaluation).order_by(Evaluation.id)
    if task is not None:
        rows = rows.where(Evaluation.task == task)
    return list(session.scalars(rows))


def save_win_rates(session: Session, job_id: int, rows: Sequence[JudgedWinRate]) -> None:
    """Stores the win rates that a job found, unless it stored some already."""
    known = select(JudgedWinRate.id).where(JudgedWinRate.job_id == job_id).limit(1)
    if session.scalars(known).one_or_none() is None:
        for row in rows:
            row.job_id = job_id
            session.add(row)
        session.flush()


def n_training_prompts(session: Session, texts: Collection[str]) -> int:
    """Returns how many of these questions are stored as prompts that training may use."""
    n = 0
    different = sorted(set(texts))
    for start in range(0, len(different), _AT_ONCE):
        part = different[start : start + _AT_ONCE]
        asked = select(func.count(Prompt.text.distinct())).where(
            Prompt.partition == Partition.TRAIN, Prompt.text.in_(part)
        )
        n += session.scalars(asked).one()
    return n
