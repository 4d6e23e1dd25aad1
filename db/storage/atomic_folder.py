"""Writes folders that are complete or absent, whatever process or power is cut."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.storage.flushing import flush


@contextmanager
def unfinished_folder(final: Path, key: str) -> Iterator[Path]:
    """Opens an empty hidden folder beside `final`, and removes it unless it was put in place.

    `key` tells the processes apart that may be writing the same folder.
    """
    unfinished = final.with_name(f".{final.name}-{key}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(unfinished: Path, final: Path) -> None:
    """Renames a flushed folder to `final`.

    What is there already was left by a process that was killed before it could commit its row.
    """
    if final.exists():
        shutil.rmtree(final)
    unfinished.rename(final)
    flush(final.parent)


def flush_tree(folder: Path) -> None:
    """Flushes every file of a folder, then the folder, so that a later rename may rely on both."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            flush(path)
    flush(folder)
