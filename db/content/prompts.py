"""Stores prompts: the same question is one row, whoever asks it and however many ask at once."""

import json
from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.content import changes
from db.models import ChangeKind, DataKind, Partition, Prompt
from db.storage.dialects import insert


def ensure_prompt(
    session: Session,
    text: str,
    *,
    source: str,
    system: str | None = None,
    reference_answer: str | None = None,
    task: str | None = None,
    partition: Partition = Partition.TRAIN,
    context: Sequence[dict[str, str]] = (),
    by: str = "a job",
) -> Prompt:
    """Returns the row of this question, stored now if nobody asked it before.

    `context` holds the turns of the conversation that the question ends.

    A row that exists keeps its source, task and partition: an evaluation prompt typed again at
    the Play page does not become training data. One that was hidden with an import, or deleted, is
    there again: it is asked here now, and `data_changes` says `by` whom.
    """
    digest = fingerprint(text, system, reference_answer, context)
    same = select(Prompt).where(Prompt.sha256 == digest)
    if (found := session.scalars(same).one_or_none()) is not None:
        if not session.scalar(select(Prompt.id).where(Prompt.id == found.id, Prompt.is_shown())):
            found.import_id = found.hidden_at = None
            changes.log(session, DataKind.PROMPT, found.id, ChangeKind.RESTORED, by=by)
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
            context=list(context),
        )
        .on_conflict_do_nothing()
    )
    return session.scalars(same).one()


def fingerprint(
    text: str, system: str | None, reference_answer: str | None, context: Sequence[dict[str, str]]
) -> str:
    """Returns the hash by which equal questions become one row."""
    asked = [system, text, reference_answer, *([list(context)] if context else [])]
    return sha256(json.dumps(asked).encode()).hexdigest()
