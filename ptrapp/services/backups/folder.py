"""A backup on disk: a folder named by its time, whose manifest has the hash of every file.

::

    data/backups/thrice-20261127T044200Z/
        manifest.json                    what is in it, each with size and hash
        thrice.db  or  thrice.dump       the database: SQLite, or an archive of pg_dump
        session.key  adapters/  judges/  jobs/  exports/
        tested.json                      the last time that it was restored as a test
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ptrapp.core.errors import InputError

MANIFEST, TESTED = "manifest.json", "tested.json"
SQLITE, POSTGRES = "thrice.db", "thrice.dump"
FOLDERS = ("adapters", "judges", "jobs", "exports", "imports")
"""Folders of the data folder that are part of a backup."""
FILES = ("session.key", "served-model.txt", "served-versions.json")
STAMPED = re.compile(r"thrice-\d{8}T\d{6}Z")
"""Names of backups."""
_STAMP = "thrice-%Y%m%dT%H%M%SZ"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a backup as its manifest names it."""

    n_bytes: int
    sha256: str
    mtime_ns: int
    """When the original was changed last, by which the next backup knows it again."""


@dataclass(frozen=True, slots=True)
class RestoreTest:
    """The last time that a backup was restored and checked."""

    at: datetime
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backup:
    """A complete backup."""

    folder: Path
    made_at: datetime
    database: str
    """`thrice.db` or `thrice.dump`."""
    files: dict[str, FileEntry]
    """By path inside the folder, with slashes."""

    @property
    def n_bytes(self) -> int:
        return sum(entry.n_bytes for entry in self.files.values())


def name_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_STAMP)


def open_backup(folder: Path) -> Backup:
    """Reads the manifest of a backup. Raises `InputError` for a folder that is none."""
    try:
        return read_manifest(folder, (folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why: object = error
        if isinstance(error, OSError):
            there_is = "cannot be read" if (folder / MANIFEST).exists() else "is missing"
            why = f"its {MANIFEST} {there_is}" if folder.is_dir() else "there is no such folder"
        within = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
        name = f"one of those in it, {', '.join(within[-3:])}" if within else "one"
        raise InputError(
            f"{folder} is not a complete backup ({why}); name {name} that `thrice backup` made."
        ) from error


def read_manifest(folder: Path, text: str) -> Backup:
    """Returns the backup in a folder that its manifest describes. Raises `ValueError`."""
    try:
        written: dict[str, Any] = json.loads(text)
        files = {name: FileEntry(**entry) for name, entry in written["files"].items()}
        made_at = datetime.fromisoformat(written["made_at"])
        return Backup(folder, made_at, written["database"], files)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def write_manifest(backup: Backup, program: str) -> None:
    written = {
        "made_at": backup.made_at.isoformat(),
        "program": program,
        "database": backup.database,
        "files": {name: asdict(entry) for name, entry in sorted(backup.files.items())},
    }
    (backup.folder / MANIFEST).write_text(json.dumps(written, indent=1), encoding="utf-8")


def listing(folder: Path) -> list[Backup]:
    """Returns the complete backups in a folder, newest first."""
    return list(_complete(folder))


def latest(folder: Path) -> Backup | None:
    return next(_complete(folder), None)


def read_test(backup: Backup) -> RestoreTest | None:
    try:
        written = json.loads((backup.folder / TESTED).read_text(encoding="utf-8"))
        return RestoreTest(datetime.fromisoformat(written["at"]), tuple(written["problems"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_test(backup: Backup, test: RestoreTest) -> None:
    written = {"at": test.at.isoformat(), "problems": test.problems}
    (backup.folder / TESTED).write_text(json.dumps(written, indent=1), encoding="utf-8")


def damaged(backup: Backup) -> Iterator[str]:
    """Yields a sentence for each file that is not as the manifest says; reads all of them."""
    for name, entry in backup.files.items():
        try:
            if sha256_of(backup.folder / name) != entry.sha256:
                yield f"{name} is not what was backed up, by its hash"
        except OSError as error:
            yield f"{name} cannot be read ({error.strerror})"


def sha256_of(path: Path) -> str:
    """Returns the hash of a file's content. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _complete(folder: Path) -> Iterator[Backup]:
    names = [path for path in folder.glob("thrice-*") if STAMPED.fullmatch(path.name)]
    for path in sorted(names, reverse=True):
        try:
            yield open_backup(path)
        except InputError:
            continue  # not ours, or damaged: neither counted nor removed
