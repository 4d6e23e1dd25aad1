"""Sets up connections: one writer and many readers on SQLite, one pool on PostgreSQL."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_WRITES = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # INSERT OR REPLACE deletes without firing a delete trigger unless this is on.
    "PRAGMA recursive_triggers = ON",
)
_READS = (*_WRITES, "PRAGMA query_only = ON")


_PLAIN = "sqlite.plain"


class PlainSavepoints(SQLiteDialect_pysqlite):
    """SQLite whose savepoints are sent as they are written here.

    SQLAlchemy compiles each of them anew, which costs as much as three statements, and a write that
    shares a commit has two.
    """

    supports_statement_cache = True

    def do_savepoint(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"SAVEPOINT {name}")

    def do_rollback_to_savepoint(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")

    def do_release_savepoint(self, connection: Connection, name: str) -> None:
        connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")


registry.register(_PLAIN, __name__, PlainSavepoints.__name__)


def writer(url: URL, busy_timeout_s: float) -> Engine:
    """Returns the engine of writing sessions, which has one connection on SQLite."""
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url)
        _tell_times_in_utc(engine)
        return engine
    engine = create_engine(
        _existing(url).set(drivername=_PLAIN.replace(".", "+")),
        pool_size=1,
        max_overflow=0,
        pool_timeout=max(busy_timeout_s, 1.0),
    )
    _prepare(engine, busy_timeout_s, pragmas=_WRITES, begin="BEGIN IMMEDIATE")
    return engine


def reader(url: URL, busy_timeout_s: float) -> Engine:
    """Returns an SQLite engine for sessions that only read and never wait for a writer."""
    engine = create_engine(_existing(url))
    _prepare(engine, busy_timeout_s, pragmas=_READS, begin="BEGIN")
    return engine


def migrator(url: URL, busy_timeout_s: float) -> Engine:
    """Returns an engine that changes tables, for a caller that begins the transaction itself.

    Foreign keys are off: a batch ALTER recreates its table, and with them on, dropping the old one
    deletes every row that refers to it. The journal mode is not changed, since the file may turn
    out to belong to another program.
    """
    engine = create_engine(url)
    if url.get_backend_name() == "sqlite":
        _prepare(engine, busy_timeout_s, pragmas=(), begin=None)
    return engine


def wait_for_disk(connection: Connection, durable: bool) -> None:
    """Says whether the next commit waits for the disk, of an SQLite connection that has not begun.

    One that does not is lost with the power, and with nothing else, until a later one waits.
    """
    if connection.info.get("durable", True) is not durable:
        level = "FULL" if durable else "NORMAL"
        driver = connection.connection.dbapi_connection
        assert driver is not None, "it was lent just now"
        driver.execute(f"PRAGMA synchronous = {level}")
        connection.info["durable"] = durable


def _existing(url: URL) -> URL:
    """Returns an SQLite URL that opens the file only if it is there, and never makes an empty one.

    Where the file was deleted while in use, a new connection would find a database without tables.
    """
    file = Path(str(url.database)).absolute()
    return url.set(database=file.as_uri(), query=url.query | {"mode": "rw", "uri": "true"})


def _tell_times_in_utc(engine: Engine) -> None:
    """Has PostgreSQL tell times in UTC: its own zone may put one in a year that Python has not."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
        connection.commit()


def _prepare(
    engine: Engine, busy_timeout_s: float, *, pragmas: tuple[str, ...], begin: str | None
) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # pysqlite would begin late, and as a reader
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        if pragmas:
            _use_wal(connection, busy_timeout_s)
        for pragma in pragmas:
            connection.execute(pragma)

    if begin is not None:

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)


def _use_wal(connection: sqlite3.Connection, busy_timeout_s: float) -> None:
    """Switches a file to the write-ahead log, for good; the switch ignores busy_timeout."""
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
