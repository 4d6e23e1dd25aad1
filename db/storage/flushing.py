"""Flushes files and folders to the disk, so that they are there after a power cut."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Flushes the content of a file, or the entries of a folder."""
    if os.name != "posix":
        return  # Windows cannot open a folder; its file system journals renames
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
