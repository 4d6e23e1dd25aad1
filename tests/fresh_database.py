"""Fresh databases: the migrations run once in a process, every test gets a copy of the result."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from db.storage.session import Database, open_database

NAME = "thrice.db"


def fresh_file(folder: Path) -> Path:
    """A migrated, empty SQLite file in this folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(migrated_file(), folder / NAME))


def fresh_database(folder: Path, *, busy_timeout_s: float = 30.0) -> Database:
    """The same, opened: half a second sooner than one that is migrated."""
    opened = open_database(f"sqlite:///{fresh_file(folder)}", busy_timeout_s=busy_timeout_s)
    for engine in (opened._writer, opened._reader):
        engine.dialect = _DIALECT.setdefault("sqlite", engine.dialect)
        engine._compiled_cache = _COMPILED
    return opened


_DIALECT: dict[str, Any] = {}
_COMPILED: dict[Any, Any] = {}
"""Statements as SQL for the one dialect: a third of a short test's time was compiling them anew."""


@cache
def migrated_file() -> Path:
    """The file to copy; nobody opens it."""
    file = Path(_folder().name) / NAME
    open_database(f"sqlite:///{file}").dispose()
    return file


@cache
def _folder() -> "TemporaryDirectory[str]":
    """Removed when the process ends."""
    return TemporaryDirectory(prefix="thrice-tests-")
