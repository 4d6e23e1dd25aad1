"""Remembers beside the data which commit of the repository it stands on."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from db.storage.flushing import flush
from ptrapp.core.settings import Settings
from ptrapp.services.backups.folder import MANIFEST, Backup, read_manifest

FOLDER = ".kept"
"""Hidden, so that a folder with nothing else in it counts as empty."""
_FILE = "record.json"


@dataclass(frozen=True, slots=True)
class Record:
    """The commit that the data here was fetched from, or pushed as."""

    repository: str
    commit: str
    manifest: str = ""
    """The manifest at that commit; empty where it holds no backup."""
    pending: str = ""
    """Hash of the manifest of a push whose answer has not come: it may have arrived."""
    branch: str = ""
    """Where the state here was put when another app had overtaken this one; it may be replaced."""

    @property
    def until(self) -> datetime | None:
        """Whatever was stored before is at the commit."""
        return read_manifest(Path(), self.manifest).made_at if self.manifest else None

    def is_ours(self, manifest: str | None) -> bool:
        """Returns whether a commit with this manifest holds what is known here, or was pushed."""
        if manifest is None:
            return not self.manifest
        return manifest == self.manifest or hash_of(manifest) == self.pending


class Difference(NamedTuple):
    """What turns the backup at a commit into another one."""

    added: Sequence[str]
    removed: Sequence[str]


def difference(before: str | None, backup: Backup) -> Difference:
    """Compares by hash a backup with the one whose manifest this is. The manifest itself is new."""
    known = read_manifest(Path(), before).files if before else {}
    changed = [
        name
        for name, entry in backup.files.items()
        if name not in known or known[name].sha256 != entry.sha256
    ]
    return Difference([*changed, MANIFEST], sorted(known.keys() - backup.files.keys()))


def hash_of(manifest: str) -> str:
    return hashlib.sha256(manifest.encode()).hexdigest()


def folder_of(settings: Settings) -> Path:
    """Returns the folder of the copies, which is made if it is not there."""
    folder = settings.data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def read_record(settings: Settings) -> Record | None:
    """Returns what was remembered last; None without it, or where it cannot be read."""
    try:
        return Record(**json.loads((folder_of(settings) / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(settings: Settings, record: Record) -> Record:
    """Remembers in one step, and returns it. Raises `OSError`."""
    file = folder_of(settings) / _FILE
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(asdict(record)), encoding="utf-8")
    flush(partial)
    partial.replace(file)
    flush(file.parent)
    return record
