"""Copies a live SQLite database: consistently while votes arrive, completely or not at all."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from db.storage.driver_errors import mapped_errors, sqlite_file
from db.storage.errors import DatabaseError


def backup(database_url: str, target: Path) -> Path:
    """Copies the database to `target`, replacing it in one rename; returns `target`.

    Writers wait a few hundredths of a second. A live file must never be copied by other means:
    its latest votes are in the write-ahead log beside it.
    """
    url = make_url(database_url)
    file = sqlite_file(url)
    if file is None:
        raise DatabaseError("Only an SQLite file is copied here; back PostgreSQL up with pg_dump.")
    if target.absolute() == file:
        raise DatabaseError(f"A backup cannot replace the database {file} itself; name another.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with mapped_errors(url):
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as source:
                with closing(sqlite3.connect(partial)) as copy:
                    source.backup(copy, pages=-1)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    except OSError as error:
        raise DatabaseError(
            f"The backup {target} cannot be written ({error.strerror}); name another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return target
