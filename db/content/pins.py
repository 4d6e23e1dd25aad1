"""Stores pinned prompts and the answers of versions to them, which are runs of no person."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import Session

from db.models import Pin, Round, Run, RunMode, RunState, now
from db.storage.errors import Conflict, Missing

MODEL = "model"
"""Of a pinned answer's settings: the base model that wrote it, as `--model` names it."""
_OF_PROMPT = select(Pin).where(Pin.prompt_id == bindparam("prompt_id"), Pin.removed_at.is_(None))


class Answered(NamedTuple):
    """The answer of one version to a pinned prompt, or what became of the attempt."""

    pin_id: int
    adapter_id: int | None
    model: str
    state: RunState
    message: str | None
    run_id: int


def pin(
    session: Session, prompt_id: int, settings: dict[str, Any], rater_id: int | None, most: int
) -> Pin:
    """Pins a prompt; one that was pinned in the same way before has its answers again.

    Raises `Conflict` where it is pinned already, or where `most` prompts are.
    """
    same = select(Pin).where(Pin.prompt_id == prompt_id).order_by(Pin.id.desc())
    earlier = list(session.scalars(same))
    if any(one.removed_at is None for one in earlier):
        raise Conflict("This prompt is pinned already; its answers are on the Versions page.")
    if (n := count(session)) >= most:
        raise Conflict(
            f"{n} prompts are pinned, and no more than {most} may be (--max-pins). Unpin one first."
        )
    for one in earlier:
        if one.settings == settings:
            one.removed_at = None
            session.flush()
            return one
    row = Pin(prompt_id=prompt_id, settings=settings, rater_id=rater_id)
    session.add(row)
    session.flush()
    return row


def unpin(session: Session, pin_id: int) -> Pin:
    """Unpins a prompt; its answers stay stored. Raises `Missing`."""
    row = get(session, pin_id)
    row.removed_at = now()
    session.flush()
    return row


def get(session: Session, pin_id: int) -> Pin:
    """Returns a pinned prompt. Raises `Missing`."""
    row = session.get(Pin, pin_id)
    if row is None or row.removed_at is not None:
        raise Missing(f"There is no pinned prompt {pin_id}; it may have been unpinned.")
    return row


def pinned(session: Session) -> Sequence[Pin]:
    """Returns the pinned prompts, the newest first."""
    return session.scalars(
        select(Pin).where(Pin.removed_at.is_(None)).order_by(Pin.id.desc())
    ).all()


def of_prompt(session: Session, prompt_id: int) -> Pin | None:
    """Returns the pin of a prompt; None where it is not pinned."""
    return session.scalars(_OF_PROMPT, {"prompt_id": prompt_id}).one_or_none()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).where(Pin.removed_at.is_(None))) or 0


def answered(session: Session, pin_ids: Sequence[int]) -> list[Answered]:
    """Returns what became of each version at each of these pinned prompts."""
    model = Run.settings[MODEL].as_string()
    rows = select(Run.pin_id, Run.adapter_id, model, Run.state, Run.message, Run.id)
    return [
        Answered(*row)
        for row in session.execute(rows.where(Run.pin_id.in_(pin_ids)).order_by(Run.id))
    ]


def count_by_state(session: Session, pin_ids: Sequence[int]) -> dict[RunState, int]:
    """Returns how many answers to these pinned prompts are in each state."""
    rows = select(Run.state, func.count()).where(Run.pin_id.in_(pin_ids)).group_by(Run.state)
    return dict(session.execute(rows).tuples().all())


def rounds_of(session: Session, run_ids: Sequence[int]) -> dict[int, list[Round]]:
    """Returns the rounds of these runs in their order, by run."""
    rows = select(Round).where(Round.run_id.in_(run_ids)).order_by(Round.run_id, Round.index)
    found: dict[int, list[Round]] = {}
    for row in session.scalars(rows):
        found.setdefault(row.run_id, []).append(row)
    return found


def ensure_answer(session: Session, pin_row: Pin, adapter_id: int | None, model: str) -> Run:
    """Returns the run that holds a version's answer, begun now unless it was tried before."""
    own = select(Run).where(
        Run.pin_id == pin_row.id, Run.adapter_id.is_not_distinct_from(adapter_id)
    )
    for run in session.scalars(own):
        if adapter_id is not None or run.settings.get(MODEL) == model:
            return run
    run = Run(
        prompt_id=pin_row.prompt_id,
        pin_id=pin_row.id,
        mode=RunMode.REFINE,
        settings=pin_row.settings | {MODEL: model},
        adapter_id=adapter_id,
        state=RunState.STOPPED,
    )
    session.add(run)
    session.flush()
    return run


def ask_again(session: Session, pin_id: int) -> int:
    """Has the versions that failed at a pinned prompt try again. Returns how many."""
    failed = select(Run).where(Run.pin_id == pin_id, Run.state == RunState.FAILED)
    rows = session.scalars(failed).all()
    for run in rows:
        run.state = RunState.STOPPED
        run.message = None
    return len(rows)


def is_by_a_pin(run_id: Any) -> ColumnElement[bool]:
    """Returns the condition for a run that is a version's answer to a pinned prompt.

    Such answers are no person's: they are neither counted, offered nor learnt with the others.
    """
    by_a_pin: ColumnElement[bool] = run_id.in_(select(Run.id).where(Run.pin_id.is_not(None)))
    return by_a_pin
