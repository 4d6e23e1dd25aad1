"""Makes a backup while the app runs: the database first, then the files that its rows name.

A file is in place before a row names it, so a copy of the database never names one that the copy of
the files lacks. A backup is complete or absent.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path

from db.storage.backup import backup as copy_database
from db.storage.flushing import flush
from ptrapp.core.errors import InputError, StorageError
from ptrapp.core.version import VERSION
from ptrapp.services.backups.folder import (
    FILES,
    FOLDERS,
    MANIFEST,
    POSTGRES,
    SQLITE,
    Backup,
    FileEntry,
    latest,
    listing,
    name_of,
    sha256_of,
    write_manifest,
)
from ptrapp.services.backups.left_over import sweep
from ptrapp.services.context import DataContext
from ptrapp.services.files.pieces import STAGING

log = logging.getLogger(__name__)

_BLOCK = 1 << 20


def make(context: DataContext, to: Path | None = None) -> Backup:
    """Backs everything up into a new folder inside `to`, by default the one of the settings.

    A file that has not changed since the backup before is a hard link to that one's copy. Raises
    `StorageError` and `DatabaseError`, and then leaves nothing.
    """
    settings = context.settings
    root = to or settings.backups_dir
    moment = datetime.now(UTC).replace(microsecond=0)
    final = root / name_of(moment)
    if final.exists():
        raise InputError(f"There is a backup {final} already; try again in a second.")
    unfinished = root / f".{final.name}-{os.getpid()}"
    for path in sweep(root):
        log.warning("removed %s, which a backup left that was cut off", path)
    try:
        before = latest(root)
        unfinished.mkdir(mode=0o700, parents=True)
        name = SQLITE if context.database.url.startswith("sqlite") else POSTGRES
        # An import ends or begins while the database is copied: what is staged on either side of
        # the copy belongs to it, and finishing an import again changes nothing.
        files = _kept(settings.data_dir, (STAGING,), unfinished, before)
        copy_database(context.database.url, unfinished / name)
        files[name] = _entry(unfinished / name)
        files |= _kept(settings.data_dir, FOLDERS, unfinished, before)
        write_manifest(Backup(unfinished, moment, name, files), VERSION)
        flush(unfinished / MANIFEST)
        for folder in [unfinished, *(path for path in unfinished.rglob("*") if path.is_dir())]:
            flush(folder)
        unfinished.rename(final)
        flush(root)
    except OSError as error:
        raise StorageError(
            f"The backup in {root} cannot be made ({_why(error)}). "
            f"{'Make room' if error.errno == ENOSPC else 'Mend that'}, or name another folder: "
            "--to FOLDER by hand, --backup-dir FOLDER for all"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Backup(final, moment, name, files)


def _why(error: OSError) -> str:
    of_file = f": {error.filename}" if error.filename else ""
    return f"{error.strerror}{of_file}"


def rotate(folder: Path, n_kept: int) -> list[Path]:
    """Removes the complete backups but the newest `n_kept`; returns those removed."""
    removed = []
    for old in listing(folder)[n_kept:]:
        shutil.rmtree(old.folder, ignore_errors=True)
        removed.append(old.folder)
    return removed


def _kept(
    data_dir: Path, folders: Sequence[str], target: Path, before: Backup | None
) -> dict[str, FileEntry]:
    """Copies or links the files of these folders of the data folder, and those beside them."""
    found = {}
    for path in _paths(data_dir, folders):
        inside = path.relative_to(data_dir).as_posix()
        if entry := _keep(path, target / inside, before, inside):
            found[inside] = entry
    return found


def _paths(data_dir: Path, folders: Sequence[str]) -> Iterator[Path]:
    """Yields what belongs to a backup; not what a process is still writing."""
    yield from (data_dir / name for name in FILES)
    for name in folders:
        for path in sorted((data_dir / name).rglob("*")):
            inside = path.relative_to(data_dir)
            hidden = any(part.startswith(".") for part in inside.parts)
            if not hidden and ".tmp-" not in path.name and path.is_file():
                yield path


def _keep(source: Path, target: Path, before: Backup | None, inside: str) -> FileEntry | None:
    """Copies or links one file; returns None for one that went away meanwhile."""
    try:
        status = source.stat()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = before.files.get(inside) if before else None
        same = known and (known.n_bytes, known.mtime_ns) == (status.st_size, status.st_mtime_ns)
        if before and known and same and _linked(source, before.folder / inside, known, target):
            return known
        return _copied(source, target, status.st_mtime_ns)
    except FileNotFoundError:
        if source.exists():
            raise
        return None


def _linked(source: Path, kept: Path, known: FileEntry, target: Path) -> bool:
    """Links the copy of the backup before, if it and the original have the content it had then."""
    try:
        if sha256_of(source) != known.sha256 or sha256_of(kept) != known.sha256:
            return False
        os.link(kept, target)
    except OSError:  # no such links here, or that backup is being removed
        return False
    return True


def _copied(source: Path, target: Path, mtime_ns: int) -> FileEntry:
    """Copies a file and hashes what was copied: a log may grow meanwhile."""
    digest, n_bytes = hashlib.sha256(), 0
    with source.open("rb") as original, target.open("wb") as copy:
        shutil.copymode(source, target)
        while block := original.read(_BLOCK):
            digest.update(block)
            n_bytes += copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return FileEntry(n_bytes, digest.hexdigest(), mtime_ns)


def _entry(path: Path) -> FileEntry:
    status = path.stat()
    return FileEntry(status.st_size, sha256_of(path), status.st_mtime_ns)
