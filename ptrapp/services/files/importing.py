"""Imports files of other programs: a whole file or nothing of it."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from db.storage import bulk
from db.storage.errors import DatabaseError
from db.storage.session import Session
from ptrapp.core.errors import InputError, StorageError
from ptrapp.interchange import reading
from ptrapp.interchange.files import RowFile
from ptrapp.interchange.formats import Format, Options, Pairs
from ptrapp.interchange.hub_rows import HubRows
from ptrapp.interchange.limits import TERMINAL, Limits
from ptrapp.interchange.reading import Checked, Reading, RowSource
from ptrapp.interchange.records import Record
from ptrapp.interchange.values import as_text
from ptrapp.services.context import DataContext
from ptrapp.services.files import pieces
from ptrapp.services.files.import_rows import RowImport
from ptrapp.services.files.pieces import STAGING, StagedRequest
from ptrapp.tasks.hub import PREFIX

BATCH = 2000
"""Records stored together: enough for fast inserts, few enough for little memory. An import of more
is written in pieces where others would have to wait for it."""
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
    """Imports a file, or `hf:NAME[:CONFIG][:SPLIT]`: all of it or nothing.

    `name` is that of the import (prompts get the source `import:NAME`); `called` is the file's own
    name where its path has another. All rows are checked before the first is stored. Raises
    `InputError` that names rows, and stores nothing, unless `skip_bad`.

    A large file is stored in pieces on SQLite, which has one writer: people vote in between. Once
    begun it is finished, at the next start of the app if need be (`finish_imports`). Our own votes,
    which may contradict what is stored, and a data set of the hub are one transaction.
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


def finish_imports(context: DataContext) -> None:
    """Finishes the imports that a process which ended had begun; what is wrong is logged."""

    def finish(copy: Path, asked: StagedRequest) -> None:
        options = Options(Format(asked.fmt), asked.answer_column, Pairs(asked.pairs))
        with RowFile(copy, TERMINAL, name=asked.called) as rows:
            known = reading.understand(rows, options)
            checked = _checked(rows, known, asked.skip_bad)
            _store_in_pieces(context, rows, known, asked.name, checked)

    pieces.finish_all(context.settings.data_dir / STAGING, finish)


def _import(
    context: DataContext, rows: RowSource, options: Options, name: str, skip_bad: bool
) -> Imported:
    known = reading.understand(rows, options)
    checked = _checked(rows, known, skip_bad)
    one_writer = context.database.url.startswith("sqlite")
    large = checked.n_records > BATCH and known.fmt is not Format.VOTES
    if one_writer and large and isinstance(rows, RowFile):
        return _in_pieces(context, rows, known, options, name, checked, skip_bad)
    with context.database.write() as session:
        return _stored(session, rows, known, name, checked)


def _in_pieces(
    context: DataContext,
    rows: RowFile,
    known: Reading,
    options: Options,
    name: str,
    checked: Checked,
    skip_bad: bool,
) -> Imported:
    asked = StagedRequest(
        rows.name, name, known.fmt, skip_bad, options.answer_column, options.pairs
    )
    try:
        with pieces.staged(context.settings.data_dir / STAGING, rows.path, asked):
            return _store_in_pieces(context, rows, known, name, checked)
    except DatabaseError as error:
        raise type(error)(
            f"{error} Of {rows.name} some rows are stored; the app stores the others at its next "
            "start."
        ) from error
    except OSError as error:
        raise StorageError(
            f"{rows.name} cannot be copied to the data folder ({error.strerror}); nothing was "
            "imported. Make room and try again."
        ) from error


def _store_in_pieces(
    context: DataContext, rows: RowSource, known: Reading, name: str, checked: Checked
) -> Imported:
    short = as_text(name)[:MAX_NAME]
    good = _good(rows, known, checked)
    n, n_new, counts = pieces.store_in_pieces(context.database, good, short)
    return _described(Imported(n_new, n - n_new, counts=dict(+counts), name=short), known, checked)


def _checked(rows: RowSource, known: Reading, skip_bad: bool) -> Checked:
    checked = reading.check(rows, known.plan)
    if checked.mistakes.n and not skip_bad:
        raise InputError(checked.mistakes.in_words(rows.name))
    return checked


def _stored(
    session: Session, rows: RowSource, known: Reading, name: str, checked: Checked
) -> Imported:
    done = import_records(session, _good(rows, known, checked), name)
    return _described(done, known, checked)


def _good(rows: RowSource, known: Reading, checked: Checked) -> Iterable[Record]:
    if checked.buffered is not None:
        return checked.buffered
    return (record for row in reading.records(rows, known.plan) for record in row.records)


def _described(done: Imported, known: Reading, checked: Checked) -> Imported:
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
