"""Imports files of other programs: a whole file or nothing of it."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from db.storage import bulk
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.hub_rows import HubRows
from ptrapp.interchange.limits import TERMINAL, Limits
from ptrapp.interchange.reading import Checked, Reading, RowSource
from ptrapp.interchange.records import Record
from ptrapp.interchange.values import as_text
from ptrapp.services.context import DataContext
from ptrapp.services.files.import_rows import RowImport
from ptrapp.tasks.hub import PREFIX

BATCH = 2000
"""Records stored together: enough for fast inserts, few enough for little memory."""
MAX_NAME = 50
"""Characters of the name of an import: prompts and raters are named after it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of a file."""

    n_new: int
    n_known: int
    """Rows that were imported before, or are in the file twice."""
    mistakes: tuple[str, ...] = ()
    """What is wrong with the first skipped rows, one sentence each."""
    n_skipped: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Rows added, by table."""
    name: str = ""
    format: str = ""
    said: tuple[str, ...] = ()
    """How the file was read, in sentences for a person to check."""
    used: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """Columns of the file that were not read."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What was left out of good rows, by reason."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def import_named(
    context: DataContext,
    given: str,
    *,
    fmt: Format | None = None,
    name: str = "",
    skip_bad: bool = False,
    limits: Limits = TERMINAL,
    called: str | None = None,
    answer_column: str = "",
    pairs: Pairs = Pairs.ALL,
) -> Imported:
    """Imports a file, or `hf:NAME[:CONFIG][:SPLIT]`, in one transaction.

    `name` is that of the import (prompts get the source `import:NAME`); `called` is the file's own
    name where its path has another. All rows are checked before the transaction begins, so that
    votes wait for the inserts alone. Raises `InputError` that names rows, and stores nothing,
    unless `skip_bad`.
    """
    options = Options(fmt, answer_column, pairs)
    if given.startswith(PREFIX):
        return _import(context, HubRows(given, limits), options, name or _hub_name(given), skip_bad)
    with RowFile(Path(given), limits, name=called) as rows:
        return _import(context, rows, options, name or rows.name, skip_bad)


def import_records(session: Session, records: Iterable[Record], name: str) -> Imported:
    """Stores checked records in the caller's transaction; what is stored already is left out."""
    rows = RowImport(session, as_text(name)[:MAX_NAME])
    n_new = n_records = 0
    with bulk.large_cache(session):
        for batch in _batches(records):
            n_records += len(batch)
            n_new += rows.add(batch)
    return Imported(n_new, n_records - n_new, counts=dict(+rows.counts), name=rows.name)


def import_attempts(session: Session, path: Path, *, skip_bad: bool = False) -> Imported:
    """Stores a file in the PTR authors' format, each row as a prompt and a run of two rounds.

    All rows or none, unless `skip_bad`; importing again adds nothing. A training reads round 1 and
    learns round 2. Raises `InputError` that names file and rows.
    """
    with RowFile(path, TERMINAL) as rows:
        known = reading.understand(rows, Options(Format.ATTEMPTS))
        checked = _checked(rows, known, skip_bad)
        return _stored(session, rows, known, path.name, checked)


def _import(
    context: DataContext, rows: RowSource, options: Options, name: str, skip_bad: bool
) -> Imported:
    known = reading.understand(rows, options)
    checked = _checked(rows, known, skip_bad)
    with context.database.write() as session:
        return _stored(session, rows, known, name, checked)


def _checked(rows: RowSource, known: Reading, skip_bad: bool) -> Checked:
    checked = reading.check(rows, known.plan)
    if checked.mistakes.n and not skip_bad:
        raise InputError(checked.mistakes.in_words(rows.name))
    return checked


def _stored(
    session: Session, rows: RowSource, known: Reading, name: str, checked: Checked
) -> Imported:
    good: Iterable[Record]
    if checked.buffered is not None:
        good = checked.buffered
    else:
        good = (record for row in reading.records(rows, known.plan) for record in row.records)
    done = import_records(session, good, name)
    return replace(
        done,
        mistakes=tuple(checked.mistakes.named),
        n_skipped=checked.mistakes.n,
        format=known.fmt.value,
        said=known.plan.said,
        used=tuple(known.used),
        unused=tuple(known.unused),
        left_out=dict(checked.left_out),
    )


def _hub_name(given: str) -> str:
    return given.removeprefix(PREFIX).partition(":")[0]


R = TypeVar("R")


def _batches(records: Iterable[R]) -> Iterator[list[R]]:
    remaining = iter(records)
    while batch := list(islice(remaining, BATCH)):
        yield batch
