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
from uuid import uuid4

from db.labelling import imports
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


def store_in_pieces(
    database: Database, records: Iterable[Record], name: str, import_id: int
) -> tuple[int, int, Counter[str]]:
    """Stores records, a piece in a transaction; returns how many there were, how many were new,
    and rows added by table. Raises `InputError` once the import was cancelled."""
    n_records = n_new = 0
    counts: Counter[str] = Counter()
    remaining, size = iter(records), LEAST
    while piece := list(islice(remaining, size)):
        # after a power cut it is stored again from the staging area, which goes after a durable one
        with database.write(durable=False) as session:
            began = time.monotonic()
            # what it knows of a prompt may be old afterwards
            rows = RowImport(session, name, import_id)
            n_new_here = rows.add(piece)
            if not imports.count(session, import_id, len(piece), n_new_here, rows.counts):
                raise InputError("The import was cancelled; nothing of it is shown.")
            took = time.monotonic() - began  # without the commit, which takes as long for one row
        n_new += n_new_here
        counts.update(rows.counts)
        n_records += len(piece)
        size = max(LEAST, min(MOST, 2 * size, round(size * PIECE_S / max(took, 1e-3))))
        if not database.is_alone:
            time.sleep(min(time.monotonic() - began, LONGEST_PAUSE_S))
    return n_records, n_new, counts


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
    is removed; one for which the database fails stays for the next start.
    """
    for area in sorted(folder.glob("*")):
        try:
            with hold(area / LOCK):
                if (area / REQUEST).exists():
                    asked = json.loads((area / REQUEST).read_text(encoding="utf-8"))
                    log.info("finishing the import of %s, which was cut off", asked.get("called"))
                    finish(area / FILE, StagedRequest(**asked))
                shutil.rmtree(area, ignore_errors=True)
        except Held:
            log.info("another process is at the import in %s", area)
        except Missing:  # it ended between the request and the commit, and nobody was told of it
            shutil.rmtree(area, ignore_errors=True)
        except (ThriceError, DatabaseError, OSError, ValueError, TypeError) as error:
            log.error("the import in %s is not finished: %s", area, error)
