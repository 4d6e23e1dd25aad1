"""Prompts: the same question is one row, whoever asks it and however many ask at once."""

import json
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.dialects import insert
from db.models import Partition, Prompt


def ensure_prompt(
    session: Session,
    text: str,
    *,
    source: str,
    system: str | None = None,
    reference_answer: str | None = None,
    task: str | None = None,
    partition: Partition = Partition.TRAIN,
) -> Prompt:
    """Return the row of this question, stored now if nobody asked it before.

    A row that exists keeps its source, task and partition: an evaluation prompt typed again at
    the Play page does not become training data.
    """
    digest = sha256(json.dumps([system, text, reference_answer]).encode()).hexdigest()
    same = select(Prompt).where(Prompt.sha256 == digest)
    if (found := session.scalars(same).one_or_none()) is not None:
        return found
    session.execute(
        insert(session, Prompt)
        .values(
            text=text,
            system=system,
            reference_answer=reference_answer,
            task=task,
            source=source,
            partition=partition,
            sha256=digest,
        )
        .on_conflict_do_nothing()
    )
    return session.scalars(same).one()
