"""Stores an import in short transactions, so that people vote in between, and finishes it always.

Before the first row is stored, a copy of the file and what was asked lie in a folder of their own,
the staging area. An import that is cut off is finished from there at the app's next start: what is
stored already is known by its content and is not stored twice. Nothing of it is shown before it is
whole.
"""

import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple
from uuid import uuid4

from db.labelling import imports
from db.models import ImportState
from db.storage.errors import DatabaseError, Missing
from db.storage.flushing import flush
from db.storage.session import Database
from ptrapp.core.errors import InputError, ThriceError
from ptrapp.core.folder_lock import Held, hold
from ptrapp.interchange.hub_rows import HubRows
from ptrapp.interchange.records import Record
from ptrapp.services.files.import_rows import RowImport

log = logging.getLogger(__name__)

PIECE_S = 0.02
"""Seconds of a transaction that are aimed at."""
LONGEST_PAUSE_S = 0.5
"""Others then have as long for theirs as it took, but no longer: where the processor is short, a
piece takes many times what it was aimed at, and who waits in another process sees a short pause
only by chance."""
LEAST, MOST = 100, 500
"""Records in the first and smallest piece, and in the largest; the size follows the time of one. A
smaller one is hardly shorter: a transaction takes as long as fifty records by itself, and on a busy
machine most of it is waiting for the processor."""
LOOK_S = 0.2
"""Seconds after which a lock is tried again: who only looks whether it is held has it briefly."""
STAGING = "imports"
"""Folder in the data folder with a folder for each import that is being written."""
REQUEST, FILE, LOCK = "request.json", "file", "lock"


@dataclass(frozen=True, slots=True)
class StagedRequest:
    """What was asked: with it and the copy of the file an import can be finished."""

    called: str
    name: str
    fmt: str
    skip_bad: bool
    answer_column: str
    pairs: str
    import_id: int


class StoredImport(NamedTuple):
    """What became of the records of an import."""

    n_records: int
    n_new: int
    counts: Counter[str]
    """Rows added, by table."""
    is_kept: bool
    """Whether anything was new."""


def store_in_pieces(
    database: Database,
    records: Callable[[], Iterable[Record]],
    name: str,
    import_id: int,
    *,
    again: bool = False,
) -> StoredImport:
    """Stores records, a piece in a transaction, and shows them. Raises `InputError` once the import
    was cancelled.

    What other imports have in common with this one is taken over from those that are not shown.
    While this one may still be cancelled, that is from dead ones alone. Once it is whole it cannot
    be, and where others died meanwhile or still run, all records are looked up once more and taken
    over from them too; with `again` they are stored already, and only that is left.
    """
    new, counts = bytearray(), Counter[str]()
    taken = set[int]()
    if not again:
        with database.read() as session:
            taken = imports.dead_imports(session)
        _store(database, records(), name, import_id, new, counts)
    while True:
        with database.write() as session:
            hidden = imports.hidden_imports(session, import_id)
            if hidden <= taken:
                _refuse_cancelled(imports.find(session, import_id).state)
                is_kept = imports.end(session, import_id, ImportState.DONE)
                return StoredImport(len(new), sum(new), +counts, is_kept)
        _store(database, records(), name, import_id, new, counts, hidden)
        taken = hidden


def _store(
    database: Database,
    records: Iterable[Record],
    name: str,
    import_id: int,
    new: bytearray,
    counts: Counter[str],
    hidden: set[int] | None = None,
) -> None:
    """Stores records and marks those that are `new`; with `hidden`, they were counted before."""
    remaining, size, n = iter(records), LEAST, 0
    while piece := list(islice(remaining, size)):
        # after a power cut it is stored again from the staging area, which goes after a durable one
        with database.write(durable=False) as session:
            began = time.monotonic()
            # what it knows of a prompt may be old afterwards
            others = imports.dead_imports(session) if hidden is None else hidden
            rows = RowImport(session, name, import_id, others)
            is_new = rows.add(piece)
            new.extend(bytes(max(0, n + len(piece) - len(new))))
            n_more = sum(one and not new[n + at] for at, one in enumerate(is_new))
            n_counted = len(piece) if hidden is None else 0
            if not imports.count(session, import_id, n_counted, n_more, rows.counts):
                _refuse_cancelled(ImportState.CANCELLED)
            took = time.monotonic() - began  # without the commit, which takes as long for one row
        for at, one in enumerate(is_new):
            new[n + at] |= one
        counts.update(rows.counts)
        n += len(piece)
        size = max(LEAST, min(MOST, 2 * size, round(size * PIECE_S / max(took, 1e-3))))
        if not database.is_alone:
            time.sleep(min(time.monotonic() - began, LONGEST_PAUSE_S))


def _refuse_cancelled(state: ImportState) -> None:
    if state is not ImportState.RUNNING:
        raise InputError("The import was cancelled; nothing of it is shown.")


@contextmanager
def staged(
    folder: Path, write_copy: Callable[[Path], None]
) -> Iterator[Callable[[StagedRequest], None]]:
    """Keeps a copy of the rows on the disk until the block is left without error.

    Yields what writes the request beside it: from then on the import is finished, now or at a later
    start. It is called in the transaction that begins the import, so that neither is without the
    other. Raises `OSError` where there is no room; nothing is stored then.
    """
    area, begun, done = folder / uuid4().hex, False, False

    def begin(request: StagedRequest) -> None:
        nonlocal begun
        unfinished = area / f"{REQUEST}.tmp"
        unfinished.write_text(json.dumps(asdict(request)), encoding="utf-8")
        flush(unfinished)
        unfinished.rename(area / REQUEST)
        flush(area)
        flush(folder)
        begun = True

    try:
        area.mkdir(parents=True, mode=0o700)
        with hold(area / LOCK):
            write_copy(area / FILE)
            flush(area / FILE)
            yield begin
            done = True
    finally:
        if done or not begun:
            shutil.rmtree(area, ignore_errors=True)


def write_lines(rows: HubRows, to: Path) -> None:
    """Writes the rows of a data set of the hub as lines: a later start has no other copy."""
    with to.open("w", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row.value, default=str) + "\n")


def finish_all(folder: Path, finish: Callable[[Path, StagedRequest], None]) -> None:
    """Calls `finish` with the copy of each import that was cut off, and what was asked.

    One that another process is at is left to it. One whose copy is not whole had stored nothing and
    is removed, as is what was being received; one for which the database fails stays for the next
    start.
    """
    held = [area for area in sorted(folder.glob("*")) if not _finish(area, finish)]
    if held:
        time.sleep(LOOK_S)
    for area in held:
        if not _finish(area, finish):
            log.info("another process is at the import in %s", area)


def cut_off(folder: Path) -> dict[int, Path]:
    """Returns the ids of imports whose process has ended, each with the folder it is finished
    from."""
    found = {}
    for area in folder.glob("*"):
        try:
            if (asked := _request(area)) is not None:
                with hold(area / LOCK):
                    found[asked.import_id] = area
        except (Held, OSError, ValueError, TypeError):
            continue
    return found


@contextmanager
def received(folder: Path) -> Iterator[IO[bytes]]:
    """Yields a file for what is being received; if the app ends meanwhile, its next start removes
    it."""
    area = folder / f".{uuid4().hex}"  # by this name no backup takes it
    area.mkdir(parents=True, mode=0o700)
    try:
        with hold(area / LOCK), (area / FILE).open("w+b") as body:
            yield body
    finally:
        shutil.rmtree(area, ignore_errors=True)


def clear(folder: Path, import_id: int) -> None:
    """Removes what an import that was cut off is finished from."""
    if (area := cut_off(folder).get(import_id)) is not None:
        shutil.rmtree(area, ignore_errors=True)


def _finish(area: Path, finish: Callable[[Path, StagedRequest], None]) -> bool:
    """Finishes one import; returns False where another process is at it."""
    try:
        with hold(area / LOCK):
            if (asked := _request(area)) is not None:
                log.info("finishing the import of %s, which was cut off", asked.called)
                finish(area / FILE, asked)
            shutil.rmtree(area, ignore_errors=True)
    except Held:
        return False
    except Missing:  # it ended between the request and the commit, and nobody was told of it
        shutil.rmtree(area, ignore_errors=True)
    except (ThriceError, DatabaseError, OSError, ValueError, TypeError) as error:
        log.error("the import in %s is not finished: %s", area, error)
    return True


def _request(area: Path) -> StagedRequest | None:
    if not (area / REQUEST).exists():
        return None
    return StagedRequest(**json.loads((area / REQUEST).read_text(encoding="utf-8")))
