"""Writes files that are complete or absent, whatever process or power is cut."""

import os
from pathlib import Path

from db.storage.flushing import flush


def write(path: Path, content: bytes) -> None:
    """Writes a temporary file, flushes it to the disk and renames it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)  # on a full disk the half of it is in the way
    flush(path.parent)
