"""Keeps what was imported: begun, counted, done, and undone without removing a row.

A row belongs to the import that brought it first. While an import is not done its rows are not
shown (`Hideable.is_shown`); an undo is therefore the change of one word, whatever the size.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, CursorResult, func, or_, select, update
from sqlalchemy.orm import Session

from db.labelling.hidden_items import recount
from db.models import (
    Comparison,
    Import,
    ImportState,
    Prompt,
    Round,
    Run,
    Score,
    Vote,
    now,
)
from db.storage.errors import Conflict, Missing

DEAD = (ImportState.UNDONE, ImportState.CANCELLED, ImportState.FAILED)
"""States of an import whose rows another one may take over."""


class Undone(NamedTuple):
    """What an undo hides, and what stays."""

    n_prompts: int
    n_pairs: int
    n_votes: int
    """Votes that the import brought."""
    n_kept_votes: int
    """Votes that people and judges gave on its pairs: in the log, and not counted any more."""
    n_kept_prompts: int
    """Prompts that somebody else asked too: they are still shown."""


def begin(
    session: Session, name: str, file: str, fmt: str, *, n_records: int, by: str = ""
) -> Import:
    """Stores an import whose rows are not shown yet."""
    row = Import(
        name=name[:64],
        file=file[:255],
        format=fmt,
        state=ImportState.RUNNING,
        n_records=n_records,
        by=by[:120],
    )
    session.add(row)
    session.flush()
    return row


def begin_again(session: Session, import_id: int) -> None:
    """Counts a running import from its first record on: what it stored already is found again."""
    find(session, import_id).n_stored = 0


def find(session: Session, import_id: int) -> Import:
    """Returns an import. Raises `Missing`."""
    if (row := session.get(Import, import_id)) is None:
        raise Missing(f"There is no import {import_id}.")
    return row


def page(session: Session, *, after: int = 0, limit: int = 50) -> tuple[list[Import], int]:
    """Returns imports, the newest first, from row `after` on, and how many there are."""
    rows = select(Import).order_by(Import.id.desc()).offset(after).limit(limit)
    return list(session.scalars(rows)), session.scalar(select(func.count(Import.id))) or 0


def count(session: Session, import_id: int, n: int, n_new: int, added: Mapping[str, int]) -> bool:
    """Adds a piece to an import's counts. Returns whether it is still to be gone on with."""
    row = find(session, import_id)
    row.n_stored += n
    row.n_new += n_new
    names = {*row.counts, *(name for name, more in added.items() if more)}
    row.counts = {name: row.counts.get(name, 0) + added.get(name, 0) for name in names}
    return row.state is ImportState.RUNNING


def end(session: Session, import_id: int, state: ImportState) -> bool:
    """Ends a running import; returns whether it is kept.

    One that brought nothing new leaves no row behind, and one that was cancelled stays so.
    """
    row = find(session, import_id)
    if row.state is not ImportState.RUNNING:
        return True
    if not row.counts:
        session.delete(row)
        return False
    row.state = state
    session.flush()
    if state is ImportState.DONE:
        recount(session, Comparison.import_id == import_id)
    return True


def cancel(session: Session, import_id: int) -> None:
    """Stops a running import after its piece; nothing of it is ever shown. Raises `Conflict`."""
    row = find(session, import_id)
    if row.state is not ImportState.RUNNING:
        raise Conflict(f"Import {import_id} is {row.state}, and cannot be cancelled any more.")
    row.state = ImportState.CANCELLED


def what_undo_does(session: Session, import_id: int) -> Undone:
    """Counts what an undo would hide and keep."""
    of_it = Comparison.import_id == import_id
    given = select(func.count(Vote.id)).join(Comparison, Comparison.id == Vote.comparison_id)
    kept = _asked_by_others(import_id)

    def n(rows: object) -> int:
        return session.scalar(rows) or 0  # type: ignore[call-overload]

    n_prompts = n(select(func.count(Prompt.id)).where(Prompt.import_id == import_id))
    n_kept = n(select(func.count(Prompt.id)).where(Prompt.import_id == import_id, kept))
    return Undone(
        n_prompts - n_kept,
        n(select(func.count(Comparison.id)).where(of_it)),
        n(select(func.count(Vote.id)).where(Vote.import_id == import_id)),
        n(
            given.where(
                of_it | _on_its_rounds(import_id), Vote.import_id.is_distinct_from(import_id)
            )
        ),
        n_kept,
    )


def undo(session: Session, import_id: int, by: str) -> Undone:
    """Hides all that a finished import brought. Raises `Conflict`, `Missing`.

    A prompt that somebody else asked too stays. Pairs that were made of its rounds go with it.
    """
    row = find(session, import_id)
    if row.state is not ImportState.DONE:
        raise Conflict(f"Import {import_id} is {row.state}; only a finished one can be undone.")
    undone = what_undo_does(session, import_id)
    own = Prompt.import_id == import_id
    session.execute(update(Prompt).where(own, _asked_by_others(import_id)).values(import_id=None))
    others = Comparison.import_id.is_distinct_from(import_id)
    session.execute(
        update(Comparison).where(others, _on_its_rounds(import_id)).values(import_id=import_id)
    )
    row.state, row.undone_at, row.undone_by = ImportState.UNDONE, now(), by[:120]
    session.flush()
    recount(session, Comparison.import_id == import_id)
    return undone


def dead_imports(session: Session) -> list[int]:
    """Returns the ids of imports whose rows are hidden for good unless another one brings them."""
    return list(session.scalars(select(Import.id).where(Import.state.in_(DEAD))))


def take_over(
    session: Session,
    import_id: int,
    dead: Collection[int],
    *,
    prompts: Collection[int] = (),
    rounds: Collection[int] = (),
    pairs: Collection[int] = (),
    scored: Collection[int] = (),
) -> tuple[set[int], int]:
    """Gives rows of dead imports to this one. Returns ids of its prompts, and how many others.

    `rounds` stand for their runs, and `scored` for the scores of these rounds.
    """

    def took(rows: object) -> int:
        result = session.execute(rows)  # type: ignore[call-overload]
        return result.rowcount if isinstance(result, CursorResult) else 0

    own = {"import_id": import_id}
    of_prompts = update(Prompt).where(Prompt.id.in_(prompts), Prompt.import_id.in_(dead))
    found = (
        set(session.scalars(of_prompts.values(**own).returning(Prompt.id))) if prompts else set()
    )
    n = 0
    if rounds:
        its_runs = select(Round.run_id).where(Round.id.in_(rounds))
        n += took(update(Run).where(Run.id.in_(its_runs), Run.import_id.in_(dead)).values(**own))
    if pairs:
        of_pairs = update(Comparison).where(Comparison.id.in_(pairs))
        n += took(of_pairs.where(Comparison.import_id.in_(dead)).values(**own))
    if scored:
        of_scores = update(Score).where(Score.round_id.in_(scored))
        n += took(of_scores.where(Score.import_id.in_(dead)).values(**own))
    return found, n


def dead_votes(session: Session, keys: Collection[str], dead: Collection[int]) -> dict[str, int]:
    """Returns those of these keys whose votes a dead import brought, each with the import's id."""
    rows = select(Vote.key, Vote.import_id).where(Vote.key.in_(keys), Vote.import_id.in_(dead))
    return {key: of for key, of in session.execute(rows) if of is not None}


def _asked_by_others(import_id: int) -> ColumnElement[bool]:
    elsewhere = select(Run.prompt_id).where(Run.import_id.is_distinct_from(import_id))
    return Prompt.id.in_(elsewhere)


def _on_its_rounds(import_id: int) -> ColumnElement[bool]:
    its_rounds = select(Round.id).join(Run, Run.id == Round.run_id)
    its_rounds = its_rounds.where(Run.import_id == import_id)
    return or_(Comparison.left_round_id.in_(its_rounds), Comparison.right_round_id.in_(its_rounds))
