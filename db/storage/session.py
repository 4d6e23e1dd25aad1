"""Opens a database: it is checked and migrated once, then lends sessions."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from db.storage import connect, migrate
from db.storage.driver_errors import described, mapped_errors, sqlite_file
from db.storage.errors import DatabaseError, DatabaseReadOnly
from db.storage.open_files import OpenFiles
from db.storage.presence import Presence
from db.storage.write_queue import WriteQueue

__all__ = ["Database", "Session", "Turns", "open_database"]


class Turns(Protocol):
    """The turns to write that another program gives, where both write to one SQLite file."""

    @property
    def alone(self) -> bool:
        """Whether nobody else wrote between the last two turns."""
        ...

    def turn(self) -> AbstractContextManager[None]:
        """Waits for a turn, which is over when the block is left."""
        ...


class Database:
    """Lends sessions, whose failures are raised as `DatabaseError`.

    Rows stay readable after their session, as far as they were loaded in it.
    """

    def __init__(
        self,
        url: URL,
        writer: Engine,
        reader: Engine,
        write_queue: WriteQueue | None = None,
        files: OpenFiles | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._url = url
        self._writer = writer
        self._reader = reader
        self.presence = Presence(url)
        self._write_queue = write_queue
        """On SQLite only: PostgreSQL has many writers and groups their commits by itself."""
        self._files = files
        """On SQLite only."""
        self._turns = turns
        """On SQLite only, of a program that writes in the queue of another one."""
        self._stopped = ""
        """Why nothing is written any more."""
        self.last_write = object()
        """Another object after each write of this program, so that a change is told by identity."""

    @property
    def url(self) -> str:
        """The SQLAlchemy URL with its password: for another process, not for a log."""
        return self._url.render_as_string(hide_password=False)

    @contextmanager
    def write(
        self, *, shared: bool = False, durable: bool = True, background: bool = False
    ) -> Iterator[Session]:
        """Lends a session that commits at the end, or stores nothing when the block raises.

        On SQLite threads get it one at a time, in order; never open one inside another. A `shared`
        one is short, and may be committed to the disk together with others that wait. One that is
        not `durable` does not wait for the disk: a power cut may take it, until one that is comes
        after it. One in the `background`, for which nobody waits, lets the others pass.
        """
        with self._turns.turn() if self._turns else nullcontext(), mapped_errors(self._url):
            if self._write_queue is not None:
                with self._write_queue.session(
                    shared=shared, durable=durable, background=background
                ) as session:
                    self._check_stopped()
                    yield session
            else:
                with Session(self._writer, expire_on_commit=False) as session, session.begin():
                    self._check_stopped()
                    if not durable:
                        session.execute(text("SET LOCAL synchronous_commit TO off"))
                    yield session
        self.last_write = object()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Lends a session on one consistent state, which cannot write and waits for no writer."""
        with mapped_errors(self._url):
            with Session(self._reader, expire_on_commit=False) as session:
                yield session

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Lends a connection for statements that read columns, at a third of a session's cost."""
        with mapped_errors(self._url), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Has this program's writers on SQLite wait while another one writes, which began later.

        They wait in order. Without it each program tries for the file's lock again and again, after
        sleeps, and whoever sleeps is passed by.
        """
        with mapped_errors(self._url):
            with self._write_queue.turn() if self._write_queue else nullcontext():
                self._check_stopped()
                yield

    @property
    def is_alone(self) -> bool:
        """Whether it is known that nobody else writes."""
        return self._turns is not None and self._turns.alone

    def stop_writes(self, reason: str) -> None:
        """Has every later write of this program refused with the reason; reads go on.

        Returns when those that had begun are on the disk.
        """
        self._stopped = reason
        if self._write_queue is not None:
            with mapped_errors(self._url), self._write_queue.session(shared=False):
                pass

    def check_files(self) -> None:
        """Raises `DatabaseGone` where the files were moved or deleted since they were opened.

        Raises `DatabaseReadOnly` where writes were stopped.
        """
        self._check_stopped()
        if self._files is not None:
            self._files.check()

    def _check_stopped(self) -> None:
        if self._stopped:
            raise DatabaseReadOnly(self._stopped)

    def dispose(self) -> None:
        """Closes every connection."""
        self.presence.close()
        self._reader.dispose()
        self._writer.dispose()


def open_database(
    url: str, *, busy_timeout_s: float = 30.0, turns: Turns | None = None, new: bool = True
) -> Database:
    """Opens the database at `url` and migrates its tables; it makes a `new` one unless told not to.

    `busy_timeout_s` is how long a writer waits for another program's transaction. With `turns` each
    transaction that writes to an SQLite file waits for one.
    Raises a `DatabaseError` that says what to do; a file already there is never overwritten.
    """
    parsed = _parsed(url)
    if new:
        _make_folder(parsed)
    with mapped_errors(parsed):
        migrate.upgrade(parsed, busy_timeout_s, new=new)
        writer = connect.writer(parsed, busy_timeout_s)
        file = sqlite_file(parsed)
        if file is None:
            return Database(parsed, writer, writer)
        _make_private(file)
        files = OpenFiles(file)
        write_queue = WriteQueue(writer, max(busy_timeout_s, 1.0), files)
        reader = connect.reader(parsed, busy_timeout_s)
        database = Database(parsed, writer, reader, write_queue, files, turns)
        writer.connect().close()  # a file that may not be written is reported now, not at a vote
        return database


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise DatabaseError(
            f"The database URL {url!r} cannot be understood; write sqlite:////folder/thrice.db or "
            "postgresql+psycopg://user@host/name."
        ) from error
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise DatabaseError(f"{backend} is not supported; use an sqlite or a postgresql URL.")
    if backend == "sqlite" and sqlite_file(parsed) is None:
        raise DatabaseError(
            "A database in memory cannot be shared by app and worker; name a file in the URL."
        )
    return parsed


def _make_private(file: Path) -> None:
    """Leaves an SQLite file, its log and copies beside it to its owner alone: votes, names, hashes.

    What belongs to another user stays as that user has it.
    """
    for path in file.parent.glob(f"{file.name}*"):
        try:
            if path.is_file() and path.stat().st_mode & 0o077:
                path.chmod(0o600)
        except OSError:
            continue


def _make_folder(url: URL) -> None:
    file = sqlite_file(url)
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        raise DatabaseReadOnly(
            f"The folder {file.parent} cannot be made here; name another data folder."
        ) from error
    except OSError as error:
        raise DatabaseError(
            f"The folder of {described(url)} cannot be made ({error.strerror}); name another "
            "data folder."
        ) from error
