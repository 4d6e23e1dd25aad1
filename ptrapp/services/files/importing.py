"""Imports files of other programs: a whole file or nothing of it."""

import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from db.labelling import imports
from db.models import ImportState
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
from ptrapp.services.files.imported import Imported
from ptrapp.services.files.pieces import STAGING, StagedRequest
from ptrapp.tasks.hub import PREFIX

log = logging.getLogger(__name__)

BATCH = 2000
"""Records stored together: enough for fast inserts, few enough for little memory. An import of more
is written in pieces where others would have to wait for it."""
MAX_NAME = 50
"""Characters of the name of an import: prompts and raters are named after it."""


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
    by: str = "",
    begun: Callable[[int], None] | None = None,
) -> Imported:
    """Imports a file, or `hf:NAME[:CONFIG][:SPLIT]`: all of it or nothing.

    `name` is that of the import (prompts get the source `import:NAME`); `called` is the file's own
    name where its path has another. All rows are checked before the first is stored. Raises
    `InputError` that names rows, and stores nothing, unless `skip_bad`.

    A large one is stored in pieces: people vote in between, and nothing of it is shown before it is
    whole. Once begun it is finished, at the next start of the app if need be (`finish_imports`).
    `begun` is told its id, by which its progress is read and by which it is cancelled or undone;
    `by` says who imports.
    """
    options = Options(fmt, answer_column, pairs)
    if given.startswith(PREFIX):
        hub = HubRows(given, limits)
        asked = _asked(hub.name, name or _hub_name(given), options, skip_bad)
        return _import(context, hub, asked, partial(pieces.write_lines, hub), by, begun)
    with RowFile(Path(given), limits, name=called) as rows:
        asked = _asked(rows.name, name or rows.name, options, skip_bad)
        return _import(context, rows, asked, partial(shutil.copyfile, rows.path), by, begun)


def import_records(
    session: Session,
    records: Iterable[Record],
    name: str,
    *,
    file: str = "",
    fmt: str = "",
    n_records: int = 0,
    by: str = "",
) -> Imported:
    """Stores checked records in the caller's transaction; what is stored already is left out."""
    short = as_text(name)[:MAX_NAME]
    row = imports.begin(session, short, file or short, fmt, n_records=n_records, by=by)
    # shown with this transaction, it can take over what a running one has and may never show
    rows = RowImport(session, short, row.id, imports.hidden_imports(session, row.id))
    n_new = n_records = 0
    with bulk.large_cache(session):
        remaining = iter(records)
        while batch := list(islice(remaining, BATCH)):
            n_records += len(batch)
            n_new += sum(rows.add(batch))
    imports.count(session, row.id, n_records, n_new, rows.counts)
    kept = imports.end(session, row.id, ImportState.DONE)
    return Imported(
        n_new,
        n_records - n_new,
        import_id=rows.import_id if kept else None,
        counts=dict(+rows.counts),
        name=short,
    )


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
        with context.database.write() as session:
            if imports.begin_again(session, asked.import_id) is not ImportState.RUNNING:
                return
            again = imports.is_whole(imports.find(session, asked.import_id))
        options = Options(Format(asked.fmt), asked.answer_column, Pairs(asked.pairs))
        try:
            with RowFile(copy, TERMINAL, name=asked.called) as rows:
                known = reading.understand(rows, options)
                checked = _checked(rows, known, asked.skip_bad)
                _store_in_pieces(context, rows, known, asked, checked, again=again)
        except InputError as error:  # cancelled, or it contradicts what is stored
            _fail(context, asked)
            log.warning("the import of %s is not shown: %s", asked.called, error)

    pieces.finish_all(context.settings.data_dir / STAGING, finish)


def _asked(called: str, name: str, options: Options, skip_bad: bool) -> StagedRequest:
    fmt = options.fmt.value if options.fmt else ""
    return StagedRequest(called, name, fmt, skip_bad, options.answer_column, options.pairs, 0)


def _import(
    context: DataContext,
    rows: RowSource,
    asked: StagedRequest,
    write_copy: Callable[[Path], Any],
    by: str,
    begun: Callable[[int], None] | None,
) -> Imported:
    fmt = Format(asked.fmt) if asked.fmt else None
    known = reading.understand(rows, Options(fmt, asked.answer_column, Pairs(asked.pairs)))
    checked = _checked(rows, known, asked.skip_bad)
    if checked.n_records <= BATCH:
        with context.database.write() as session:
            return _stored(session, rows, known, asked.name, checked, by)
    short = as_text(asked.name)[:MAX_NAME]
    return _in_pieces(
        context, rows, known, replace(asked, name=short, fmt=known.fmt.value), checked,
        write_copy, by, begun,
    )  # fmt: skip


def _in_pieces(
    context: DataContext,
    rows: RowSource,
    known: Reading,
    asked: StagedRequest,
    checked: Checked,
    write_copy: Callable[[Path], Any],
    by: str,
    begun: Callable[[int], None] | None,
) -> Imported:
    refused, n = None, checked.n_records
    try:
        with pieces.staged(context.settings.data_dir / STAGING, write_copy) as begin:
            with context.database.write() as session:
                row = imports.begin(session, asked.name, rows.name, known.fmt, n_records=n, by=by)
                begun_with = replace(asked, import_id=row.id)
                begin(begun_with)
            asked = begun_with
            if begun is not None:
                begun(asked.import_id)
            try:
                return _store_in_pieces(context, rows, known, asked, checked)
            except InputError as error:
                refused = error  # cancelled, or it contradicts what is stored
                _fail(context, asked)
    except DatabaseError as error:
        if not asked.import_id:
            raise
        raise type(error)(
            f"{error} Of {rows.name} some rows are stored; the app stores the others at its next "
            "start."
        ) from error
    except OSError as error:
        if asked.import_id:
            _fail(context, asked)
        raise StorageError(
            f"{rows.name} cannot be copied to the data folder ({error.strerror}); nothing was "
            "imported. Make room and try again."
        ) from error
    raise refused


def _store_in_pieces(
    context: DataContext,
    rows: RowSource,
    known: Reading,
    asked: StagedRequest,
    checked: Checked,
    *,
    again: bool = False,
) -> Imported:
    good = partial(reading.good_records, rows, known.plan, checked)
    stored = pieces.store_in_pieces(
        context.database, good, asked.name, asked.import_id, again=again
    )
    done = Imported(
        stored.n_new,
        stored.n_records - stored.n_new,
        import_id=asked.import_id if stored.is_kept else None,
        counts=dict(stored.counts),
        name=asked.name,
    )
    return _described(done, known, checked)


def _fail(context: DataContext, asked: StagedRequest) -> None:
    with context.database.write() as session:
        imports.end(session, asked.import_id, ImportState.FAILED)


def _checked(rows: RowSource, known: Reading, skip_bad: bool) -> Checked:
    checked = reading.check(rows, known.plan)
    if checked.mistakes.n and not skip_bad:
        raise InputError(checked.mistakes.in_words(rows.name))
    return checked


def _stored(
    session: Session, rows: RowSource, known: Reading, name: str, checked: Checked, by: str = ""
) -> Imported:
    good = reading.good_records(rows, known.plan, checked)
    n = checked.n_records
    done = import_records(
        session, good, name, file=rows.name, fmt=known.fmt.value, n_records=n, by=by
    )
    return _described(done, known, checked)


def _described(done: Imported, known: Reading, checked: Checked) -> Imported:
    return replace(
        done,
        mistakes=tuple(checked.mistakes.named),
        n_skipped=checked.mistakes.n,
        format=known.fmt.value,
        said=(*known.plan.said, *done.warnings),
        used=tuple(known.used),
        unused=tuple(known.unused),
        left_out=dict(checked.left_out),
    )


def _hub_name(given: str) -> str:
    return given.removeprefix(PREFIX).partition(":")[0]
