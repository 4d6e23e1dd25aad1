"""Keeps what was imported: begun, counted, done, and undone without removing a row.

A row belongs to the import that brought it first. While an import is not done its rows are not
shown (`Hideable.is_shown`); an undo is therefore the change of one word, whatever the size.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

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
from db.storage import bulk
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


class TakenOver(NamedTuple):
    """Ids of rows that an import took over from hidden ones."""

    prompts: set[int]
    rounds: set[int]
    """Rounds whose runs were taken over."""
    n_runs: int
    pairs: set[int]
    scored: set[int]
    """Rounds whose scores were taken over."""

    @property
    def n(self) -> int:
        """Rows in all."""
        return len(self.prompts) + self.n_runs + len(self.pairs) + len(self.scored)


class VotedPair(NamedTuple):
    """The pair that a vote is on."""

    key: str
    id: int
    prompt_id: int
    left_id: int
    right_id: int


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


def begin_again(session: Session, import_id: int) -> ImportState:
    """Counts a running import from its first record on: what it stored already is found again.

    One that is stored whole stays so. Returns its state.
    """
    row = find(session, import_id)
    if row.state is ImportState.RUNNING and not is_whole(row):
        row.n_stored = 0
    return row.state


def is_whole(row: Import) -> bool:
    """Returns whether all records are stored: it takes over what it has in common with others that
    are not shown, is shown next, and cannot be cancelled any more."""
    return 0 < row.n_records <= row.n_stored


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
    row.n_new = min(row.n_new + n_new, max(row.n_records, row.n_stored))
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
    if is_whole(row):
        raise Conflict(
            f"Import {import_id} is stored whole and is shown next: undo it when it is done."
        )
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


def dead_imports(session: Session) -> set[int]:
    """Returns the ids of imports whose rows are hidden for good unless another one brings them."""
    return set(session.scalars(select(Import.id).where(Import.state.in_(DEAD))))


def hidden_imports(session: Session, import_id: int) -> set[int]:
    """Returns the ids of imports that are not shown, running ones too, but for this one."""
    hidden = select(Import.id).where(Import.state != ImportState.DONE, Import.id != import_id)
    return set(session.scalars(hidden))


def take_over(
    session: Session,
    import_id: int,
    hidden: Collection[int],
    *,
    prompts: Collection[int] = (),
    rounds: Collection[int] = (),
    pairs: Collection[int] = (),
    scored: Collection[int] = (),
) -> TakenOver:
    """Gives rows of hidden imports to this one; returns those that it was given.

    `rounds` stand for their runs, and `scored` for the scores of these rounds.
    """

    def take(column: InstrumentedAttribute[int], ids: Collection[int]) -> set[int]:
        taken: set[int] = set()
        for some in bulk.parts(ids):
            rows = update(column.class_).where(
                column.in_(some), column.class_.import_id.in_(hidden)
            )
            taken |= set(session.scalars(rows.values(import_id=import_id).returning(column)))
        return taken

    of_run: dict[int, int] = {}
    for some in bulk.parts(rounds):
        both = select(Round.id, Round.run_id).join(Run, Run.id == Round.run_id)
        found = session.execute(both.where(Round.id.in_(some), Run.import_id.in_(hidden)))
        of_run.update((row.id, row.run_id) for row in found)
    n_runs = len(take(Run.id, set(of_run.values())))
    return TakenOver(
        take(Prompt.id, prompts),
        set(of_run),
        n_runs,
        take(Comparison.id, pairs),
        take(Score.round_id, scored),
    )


def given_by(session: Session, keys: Collection[str]) -> dict[str, int | None]:
    """Returns those of these keys that are in the log, each with the import that brought it."""
    found: dict[str, int | None] = {}
    for some in bulk.parts(keys):
        rows = session.execute(select(Vote.key, Vote.import_id).where(Vote.key.in_(some)))
        found.update((row.key, row.import_id) for row in rows)
    return found


def pairs_of_votes(session: Session, keys: Collection[str]) -> list[VotedPair]:
    """Returns the pair of each of these keys that is in the log."""
    found: list[VotedPair] = []
    voted = select(
        Vote.key,
        Comparison.id,
        Comparison.prompt_id,
        Comparison.left_round_id,
        Comparison.right_round_id,
    ).join(Comparison, Comparison.id == Vote.comparison_id)
    for some in bulk.parts(keys):
        found += (VotedPair(*row) for row in session.execute(voted.where(Vote.key.in_(some))))
    return found


def earlier_rounds(session: Session, rounds: Iterable[int]) -> dict[int, int]:
    """Returns the parent of each of these rounds that has one, and of theirs."""
    parents: dict[int, int] = {}
    waiting = set(rounds)
    while waiting:
        above: dict[int, int] = {}
        for some in bulk.parts(waiting):
            rows = select(Round.id, Round.parent_id).where(Round.id.in_(some))
            above.update((one, parent) for one, parent in session.execute(rows) if parent)
        parents |= above
        waiting = set(above.values()) - set(parents)
    return parents


def _asked_by_others(import_id: int) -> ColumnElement[bool]:
    elsewhere = select(Run.prompt_id).where(Run.import_id.is_distinct_from(import_id))
    return Prompt.id.in_(elsewhere)


def _on_its_rounds(import_id: int) -> ColumnElement[bool]:
    its_rounds = select(Round.id).join(Run, Run.id == Round.run_id)
    its_rounds = its_rounds.where(Run.import_id == import_id)
    return or_(Comparison.left_round_id.in_(its_rounds), Comparison.right_round_id.in_(its_rounds))
