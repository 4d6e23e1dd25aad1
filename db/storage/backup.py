"""Copies a live database to one file, consistently while votes arrive, and fills an empty one.

An SQLite database becomes an SQLite file. A PostgreSQL database becomes an archive of `pg_dump`,
whose programs must be installed here and be no older than the server.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, create_engine, inspect, make_url

from db.storage.driver_errors import described, mapped_errors, sqlite_file
from db.storage.errors import DatabaseError

_INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian installs the programs of each version, outside of PATH."""


def backup(database_url: str, target: Path) -> Path:
    """Copies the database to `target`, replacing it in one rename; returns `target`.

    Writers wait a few hundredths of a second on SQLite, and not at all on PostgreSQL. A live SQLite
    file must never be copied by other means: its latest votes are in the write-ahead log beside it.
    """
    url = make_url(database_url)
    file = sqlite_file(url)
    if target.absolute() == file:
        raise DatabaseError(f"A backup cannot replace the database {file} itself; name another.")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if file is None:
            _run("pg_dump", url, "--format=custom", f"--file={partial}")
        else:
            _copy(url, f"{file.as_uri()}?mode=ro", partial)
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


def restore(source: Path, database_url: str) -> None:
    """Fills the database at the URL from a copy that `backup` made of one of the same kind.

    Raises `DatabaseError` when there is a database already: nothing is overwritten.
    """
    url = make_url(database_url)
    file = sqlite_file(url)
    if file is None:
        if tables := _tables(url):
            raise DatabaseError(
                f"{described(url)} is not empty (it holds {min(tables)!r}); name an empty database."
            )
        _run("pg_restore", url, "--no-owner", "--exit-on-error", "--single-transaction", source)
        return
    if file.exists():
        raise DatabaseError(f"There is a database {file} already; move it away first.")
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _copy(url, f"{source.absolute().as_uri()}?mode=ro&immutable=1", partial)
        partial.replace(file)
    except OSError as error:
        raise DatabaseError(f"{file} cannot be written ({error.strerror}).") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def scratch_database(database_url: str) -> Iterator[str]:
    """Yields the URL of a new, empty database on the same PostgreSQL server, and drops it after.

    Raises `DatabaseError` when the user may not create databases.
    """
    url = make_url(database_url)
    name = f"thrice_scratch_{uuid4().hex[:12]}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with mapped_errors(url):
            with engine.connect() as connection:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
            try:
                yield url.set(database=name).render_as_string(hide_password=False)
            finally:
                with engine.connect() as connection:
                    connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        engine.dispose()


def _copy(url: URL, source_uri: str, target: Path) -> None:
    with mapped_errors(url), closing(sqlite3.connect(source_uri, uri=True)) as source:
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy, pages=-1)


def _tables(url: URL) -> list[str]:
    engine = create_engine(url)
    try:
        with mapped_errors(url):
            return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _run(program: str, url: URL, *arguments: str | Path) -> None:
    """Runs a program of PostgreSQL on the database. The password is in no command line."""
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(
        [_found(program), "--no-password", f"--dbname={address}", *map(str, arguments)],
        env=os.environ | secret,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:500] or f"status {done.returncode}"
        raise DatabaseError(f"{program} failed on {described(url)}: {said}")


def _found(program: str) -> str:
    """Returns the path of a program of PostgreSQL: on PATH, or the newest that is installed."""
    if on_path := shutil.which(program):
        return on_path
    versions = [path for path in _INSTALLED.glob("*") if path.name.isdecimal()]
    for version in sorted(versions, key=lambda path: int(path.name), reverse=True):
        if found := shutil.which(program, path=str(version / "bin")):
            return found
    raise DatabaseError(
        f"{program} is not installed here. Install PostgreSQL's client programs "
        "(Debian: postgresql-client), of the server's version or later."
    )
