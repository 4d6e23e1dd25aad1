"""Reads rounds in bulk as training data, whoever wrote them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, selectinload

from db.content.pins import is_by_a_pin
from db.models import POLICY, WEAK, Partition, Prompt, Round, Run, RunMode, words_of


def training_rounds(session: Session) -> Sequence[Round]:
    """Returns all rounds of prompts that are not held out, oldest first, prompt and run loaded."""
    rows = (
        select(Round)
        .join(Round.prompt)
        .join(Run, Run.id == Round.run_id)
        .where(Prompt.partition == Partition.TRAIN, ~is_by_a_pin(Round.run_id), Run.is_shown())
        .options(contains_eager(Round.prompt), selectinload(Round.run))
        .order_by(Round.id)
    )
    return session.scalars(rows).all()


def is_refined() -> ColumnElement[bool]:
    """Returns the condition for a round worth imitating, for rounds joined with prompts and runs.

    It is a later round that was found right or that a stronger model wrote, no attempt, no answer
    to a pinned prompt and not hidden. Whether its text is fit to be imitated is another question
    (`is_imitable`).
    """
    n_attempts = func.coalesce(Run.settings["n_attempts"].as_integer(), 0)
    return and_(
        Prompt.partition == Partition.TRAIN,
        Round.index > 0,
        Round.index >= n_attempts,
        ~Round.author.startswith(WEAK),
        ~is_by_a_pin(Round.run_id),
        Run.is_shown(),
        or_(Round.correct.is_(True), Round.author != POLICY),
    )


def is_imitable() -> ColumnElement[bool]:
    """Returns the condition for a finished, well-formed round, for rounds joined with prompts."""
    return and_(
        Prompt.partition == Partition.TRAIN,
        Round.well_formed,
        Round.finish_reason == "stop",
        words_of(Round.response) != "",
    )


def has_refined(session: Session) -> bool:
    """Returns whether any round is worth imitating and fit for it."""
    rows = select(Round.id).join(Round.prompt).join(Run, Run.id == Round.run_id)
    return session.scalar(rows.where(is_refined(), is_imitable()).limit(1)) is not None


def prompt_texts(session: Session, partition: Partition | None = None) -> Sequence[str]:
    """Returns the texts of the stored prompts, all or those of one partition."""
    texts = select(Prompt.text)
    if partition is not None:
        texts = texts.where(Prompt.partition == partition)
    return session.scalars(texts).all()


def is_stored(session: Session, prompt_id: int, attempt: str, answer: str, author: str) -> bool:
    """Returns whether this attempt is stored with this answer of `author`."""
    first = aliased(Round)
    same = (
        exists()
        .where(
            Round.prompt_id == prompt_id,
            Round.author == author,
            Round.response == answer,
            Round.parent_id == first.id,
            Run.id == Round.run_id,
            Run.mode == RunMode.JOB,
        )
        .where(first.response == attempt)
    )
    return bool(session.scalar(select(same)))
