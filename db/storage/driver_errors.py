"""Maps exceptions of database drivers to `DatabaseError`: what failed, where, and what to do."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.storage.errors import (
    Conflict,
    DatabaseCorrupt,
    DatabaseError,
    DatabaseLocked,
    DatabaseReadOnly,
    DiskFull,
)

_NEARLY_FULL_BYTES = 1 << 20


@contextmanager
def mapped_errors(url: URL) -> Iterator[None]:
    """Maps what SQLAlchemy and the drivers raise inside; an unknown error is a bug and passes."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseLocked(
            f"No connection to {described(url)} came free: another part of this program holds a "
            "transaction open; try again, and report it if it happens again."
        ) from error
    except (DBAPIError, sqlite3.Error) as error:
        mapped = _mapped(_cause(error), url)
        if mapped is None:
            raise
        raise mapped from error


def described(url: URL) -> str:
    """Returns the file of an SQLite URL, or any other URL without its password."""
    file = sqlite_file(url)
    return str(file) if file else url.render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path | None:
    """Returns the file of an SQLite URL; None for a server, or for a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database)).absolute()


def _cause(error: DBAPIError | sqlite3.Error) -> DBAPIError | sqlite3.Error:
    """Returns the first failure, where the error only says that a savepoint is gone: on a full
    disk SQLite rolls the whole transaction back by itself, with all its savepoints."""
    before = error.__context__
    while before is not None and "no such savepoint" in str(error):
        if isinstance(before, DBAPIError):
            return before
        before = before.__context__
    return error


def _mapped(error: DBAPIError | sqlite3.Error, url: URL) -> DatabaseError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        return Conflict(
            f"The change contradicts what {described(url)} holds ({cause}); load the page again."
        )
    file = sqlite_file(url)
    if file is None:
        return _from_server(cause, url)
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else _from_sqlite(code & 0xFF, cause, file)


def _from_sqlite(code: int, cause: BaseException | None, file: Path) -> DatabaseError | None:
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return DatabaseLocked(
                f"Another program keeps {file} locked; close it (a database browser, a copy of "
                "this program) and try again."
            )
        case sqlite3.SQLITE_FULL:
            return _full(file)
        case sqlite3.SQLITE_NOTADB:
            return DatabaseCorrupt(
                f"{file} is not an SQLite database; move it away, or name another data folder."
            )
        case sqlite3.SQLITE_CORRUPT:
            return DatabaseCorrupt(
                f"{file} is damaged ({cause}); keep a copy of it and restore the latest backup."
            )
        case (
            sqlite3.SQLITE_READONLY
            | sqlite3.SQLITE_CANTOPEN
            | sqlite3.SQLITE_IOERR
            | sqlite3.SQLITE_PERM
        ):
            return _diagnosed(cause, file)
    return None


def _diagnosed(cause: BaseException | None, file: Path) -> DatabaseError:
    """Finds the cause on the file system: SQLite says little of a file it cannot open or write."""
    if _opens_nothing(file.parent):
        return DatabaseError(
            f"{file} cannot be opened: this program, or the machine, has too many files open at "
            "once; try again in a moment, or raise the limit (ulimit -n)."
        )
    if not file.parent.is_dir():
        return DatabaseError(
            f"The folder {file.parent} of the database is missing; make it, or name another one."
        )
    if file.is_dir():
        return DatabaseError(f"{file} is a folder, not a database; name another file.")
    for path in (file, file.parent):
        if path.exists() and not os.access(path, os.W_OK):
            return DatabaseReadOnly(
                f"{path} may not be written by this user; change its permissions, or name "
                "another data folder."
            )
    if shutil.disk_usage(file.parent).free < _NEARLY_FULL_BYTES:
        return _full(file)
    if not file.exists():
        return DatabaseError(
            f"{file} was moved or deleted while in use; put it back and start again."
        )
    if "readonly" in str(cause):
        return DatabaseReadOnly(
            f"A session opened for reading tried to write to {file}; open it with write()."
        )
    return DatabaseError(f"{file} cannot be read or written ({cause}); check the disk it is on.")


def _opens_nothing(folder: Path) -> bool:
    """Returns whether the table of open files is full, so that nothing can be opened."""
    try:
        os.close(os.open(folder, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def _full(file: Path) -> DiskFull:
    return DiskFull(
        f"The disk of {file} is full, nothing of this change was stored; make room and try again."
    )


def _from_server(cause: BaseException | None, url: URL) -> DatabaseError | None:
    """Maps an error of PostgreSQL by its SQLSTATE; without one the server was not reached."""
    match getattr(cause, "sqlstate", None) or "":
        case "" | "57P01" | "57P03":
            return DatabaseError(
                f"{described(url)} cannot be reached ({_first_line(cause)}); check that the "
                "server is up and the URL is right."
            )
        case "55P03" | "40P01" | "40001":
            return DatabaseLocked(
                f"Another program holds a lock on {described(url)}; try again in a moment."
            )
        case "53100":
            return DiskFull(f"The disk of {described(url)} is full; make room and try again.")
        case "25006" | "42501":
            return DatabaseReadOnly(
                f"{described(url)} may not be written by this user; grant it the right to write."
            )
    return None


def _first_line(cause: BaseException | None) -> str:
    return str(cause).strip().partition("\n")[0]
