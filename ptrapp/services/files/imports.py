"""Lists imports and undoes them: what they brought is hidden, and what people did stays."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.labelling import imports
from db.labelling.imports import Undone
from db.models import Import, ImportState
from ptrapp.core.counts import counted
from ptrapp.services.context import DataContext
from ptrapp.services.files import pieces
from ptrapp.services.files.pieces import STAGING

WAITING = "waiting"
AT_ONCE = 20
"""Imports on a page."""


@dataclass(frozen=True, slots=True)
class ImportView:
    """One import, as pages and scripts show it."""

    id: int
    name: str
    file: str
    format: str
    state: str
    """`running`, `done`, `undone`, `cancelled`, `failed`, or `waiting`: its process ended before it
    was whole, and the app finishes it at its next start."""
    n_records: int
    n_stored: int
    """Records that are stored so far, those that were known among them."""
    n_new: int
    counts: dict[str, Any]
    """Rows added, by table."""
    by: str
    created_at: datetime
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, slots=True)
class UndoneImport:
    """What an undo hid, and what stayed."""

    import_id: int
    n_prompts: int
    n_pairs: int
    n_votes: int
    n_kept_votes: int
    n_kept_prompts: int
    said: str
    """The same in words."""


def listing(
    context: DataContext, *, page: int = 1, at_once: int = AT_ONCE
) -> tuple[list[ImportView], int]:
    """Returns a page of imports, the newest first, and how many there are."""
    with context.database.read() as session:
        rows, n = imports.page(session, after=(page - 1) * at_once, limit=at_once)
        return [_view(context, row) for row in rows], n


def view(context: DataContext, import_id: int) -> ImportView:
    """Returns one import. Raises `Missing`."""
    with context.database.read() as session:
        return _view(context, imports.find(session, import_id))


def preview_undo(context: DataContext, import_id: int) -> UndoneImport:
    """Returns what an undo would hide and keep, and changes nothing."""
    with context.database.read() as session:
        found = imports.find(session, import_id)
        return _said(found.name, import_id, imports.what_undo_does(session, import_id), "would be")


def undo(context: DataContext, import_id: int, by: str) -> UndoneImport:
    """Hides what a finished import brought; importing the file again shows it again."""
    with context.database.write() as session:
        name = imports.find(session, import_id).name
        return _said(name, import_id, imports.undo(session, import_id, by), "are")


def cancel(context: DataContext, import_id: int) -> None:
    """Stops a running import, or one that waits; nothing of it is shown."""
    with context.database.write() as session:
        imports.cancel(session, import_id)
    pieces.clear(context.settings.data_dir / STAGING, import_id)


def _said(name: str, import_id: int, done: Undone, are: str) -> UndoneImport:
    kept = []
    if done.n_kept_votes:
        kept.append(
            f"{counted(done.n_kept_votes, 'vote')} that people and judges gave on its pairs: they "
            "stay in the log, and count for nothing while the pairs are hidden"
        )
    if done.n_kept_prompts:
        kept.append(f"{counted(done.n_kept_prompts, 'prompt')} that somebody else asked too")
    kept.append("versions that were trained on it")
    words = (
        f"“{name}”: {counted(done.n_prompts, 'prompt')}, {counted(done.n_pairs, 'pair')} and "
        f"{counted(done.n_votes, 'vote')} of this import {are} hidden from offers, training, "
        f"exports and counts. What stays: {'; '.join(kept)}. Nothing is deleted: importing the "
        "file again shows it again."
    )
    return UndoneImport(import_id, *done, said=words)


def _view(context: DataContext, row: Import) -> ImportView:
    state = row.state.value
    if row.state is ImportState.RUNNING:
        waiting = pieces.cut_off(context.settings.data_dir / STAGING)
        state = WAITING if row.id in waiting else state
    return ImportView(
        row.id, row.name, row.file, row.format, state, row.n_records, row.n_stored,
        row.n_new, dict(row.counts), row.by, row.created_at, row.undone_at, row.undone_by,
    )  # fmt: skip
