"""What this process is at, told to the other processes on the same PostgreSQL, until it ends.

It is told by locks of a connection of its own (`pg_advisory_lock`), which the server lets go when
the process ends, however it ends: nothing has to be cleared away after a kill, and no clock is
compared. On SQLite one app at a time has the database, so that there is nobody to tell.
"""

import threading
from enum import IntEnum

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from db.storage.driver_errors import mapped_errors

_SILENT_S = 5
"""Seconds after which the server asks a silent machine whether it is there, three times."""
_TAKE = text("SELECT pg_try_advisory_lock(:kind, :number)")
_GIVE_BACK = text("SELECT pg_advisory_unlock(:kind, :number)")
_ELSEWHERE = text(
    "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = :kind AND pid <> pg_backend_pid()"
)


class At(IntEnum):
    """What a process can be at; the values are the first half of a lock's name."""

    RUN = 0x7468_0001
    """Writing a run; the number is its id."""
    CHORES = 0x7468_0002
    """What one app does for all: backups, answers to pinned prompts, runs of apps that ended."""


class Presence:
    """The locks of this process. Safe to use from any thread."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._held: set[tuple[At, int]] = set()
        self._connection: Connection | None = None

    @property
    def is_shared(self) -> bool:
        """Whether other apps may be on this database."""
        return self._url.get_backend_name() == "postgresql"

    def take(self, at: At, number: int = 0) -> bool:
        """Says that this process is at something; returns False where another one is."""
        if not self.is_shared:
            return True
        with self._lock, mapped_errors(self._url):
            if (at, number) not in self._held:
                if not self._ask(_TAKE, at, number)[0]:
                    return False
                self._held.add((at, number))
            return True

    def give_back(self, at: At, number: int = 0) -> None:
        """Says that it has ended."""
        with self._lock, mapped_errors(self._url):
            if (at, number) in self._held:
                self._held.discard((at, number))
                self._ask(_GIVE_BACK, at, number)

    def elsewhere(self, at: At) -> frozenset[int]:
        """Returns the numbers of what other processes are at."""
        if not self.is_shared:
            return frozenset()
        with self._lock, mapped_errors(self._url):
            return frozenset(self._ask(_ELSEWHERE, at))

    def anywhere(self, at: At) -> frozenset[int]:
        """Returns the numbers of what this process and others are at."""
        others = self.elsewhere(at)
        with self._lock:
            return others | {number for kind, number in self._held if kind is at}

    def close(self) -> None:
        """Lets everything go."""
        with self._lock:
            self._held.clear()
            self._leave()

    def _ask(self, question: object, at: At, number: int = 0) -> list[int]:
        """Answers on this process's connection; a new one takes again what the lost one held."""
        try:
            return self._answer(question, at, number)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self._leave()
            return self._answer(question, at, number)

    def _answer(self, question: object, at: At, number: int) -> list[int]:
        if self._connection is None:
            self._connection = self._connected()
            for held in self._held:
                self._connection.execute(_TAKE, {"kind": held[0].value, "number": held[1]})
        asked = {"kind": at.value, "number": number}
        return list(self._connection.scalars(question, asked))  # type: ignore[call-overload]

    def _connected(self) -> Connection:
        # the server's defaults find out after two hours that a machine has vanished
        options = f"-c tcp_keepalives_idle={_SILENT_S} -c tcp_keepalives_interval={_SILENT_S}"
        engine = create_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            connect_args={"options": f"{options} -c tcp_keepalives_count=3"},
        )
        return engine.connect()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
