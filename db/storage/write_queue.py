"""SQLite's one writer, shared by the threads of a program: in order, several flushed at once.

A transaction is on the disk before its block is left. That wait is a good part of what a small
write costs; while many stand in line, those that say so are carried out in one transaction of the
file, each inside a savepoint of its own, and the disk is waited for once (group commit). One that
fails takes nothing of the others with it; when the disk refuses, it refuses them all.
"""

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

MOST_TOGETHER = 16
"""Transactions flushed at once: the first of them waits for the last."""


@dataclass(slots=True)
class _Batch:
    """Transactions that are carried out and not yet on the disk."""

    connection: Connection
    n: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None


@dataclass(slots=True)
class _Place:
    """Somebody in the line."""

    shared: bool
    is_next: bool = False
    called: threading.Event = field(default_factory=threading.Event)


class WriteQueue:
    """Lends the writer's one connection to a thread at a time, first come, first served."""

    def __init__(self, writer: Engine, patience_s: float) -> None:
        self._writer = writer
        self._patience_s = patience_s
        """How long a thread stands in line before it is told that somebody holds the writer."""
        self._lock = threading.Lock()
        self._waiting: deque[_Place] = deque()
        self._taken = False
        self._batch: _Batch | None = None

    @contextmanager
    def session(self, *, shared: bool) -> Iterator[Session]:
        """A session whose changes are on the disk when the block is left, or nowhere."""
        self._come_up(shared)
        batch: _Batch | None = None
        try:
            batch = self._batch = self._batch or _Batch(self._begun())
            with _session_of(batch.connection) as session, session.begin():
                try:
                    yield session
                    session.flush()
                finally:
                    _check_it_goes_on(batch)
            batch.n += 1
        finally:
            self._pass_on(batch, shared)
        batch.over.wait()
        if batch.failure is not None:
            raise batch.failure

    def _begun(self) -> Connection:
        with ExitStack() as undo:
            connection = undo.enter_context(self._writer.connect())
            connection.begin()
            undo.pop_all()
        return connection

    def _pass_on(self, batch: _Batch | None, shared: bool) -> None:
        """Call the next in line, into the same batch if both share; else flush the batch before."""
        with self._lock:
            place = self._waiting.popleft() if self._waiting else None
            if place:
                place.is_next = True
            joins = place is not None and place.shared and shared
        if batch and (not joins or batch.n >= MOST_TOGETHER or batch.failure is not None):
            self._batch = None
            _flush(batch)
        if place:
            place.called.set()
        else:
            self._leave_empty()

    def _leave_empty(self) -> None:
        """Nobody was in line a moment ago; whoever came since is called."""
        with self._lock:
            place = self._waiting.popleft() if self._waiting else None
            if place:
                place.is_next = True
                place.called.set()
            else:
                self._taken = False

    def _come_up(self, shared: bool) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            place = _Place(shared)
            self._waiting.append(place)
        if place.called.wait(self._patience_s):
            return
        with self._lock:
            if not place.is_next:
                self._waiting.remove(place)
                raise PoolTimeout("nobody was let to the writer in time")
        place.called.wait()


def _session_of(connection: Connection) -> Session:
    return Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")


def _flush(batch: _Batch) -> None:
    """Commit, and tell those who wait for it, whatever came of it."""
    try:
        if batch.failure is None:
            batch.connection.commit()
    except Exception as error:  # noqa: BLE001 - handed to the threads that wait
        batch.failure = error
    finally:
        if batch.failure is not None and not batch.connection.invalidated:
            batch.connection.invalidate()  # whatever state it is in: the next one is a new one
        batch.connection.close()
        batch.over.set()


def _check_it_goes_on(batch: _Batch) -> None:
    """On a full disk SQLite may give up the whole transaction, all savepoints with it."""
    if not batch.connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        error = sys.exception()
        if not isinstance(error, Exception):  # the block has swallowed it, or is itself being ended
            error = PendingRollbackError("the transaction of the whole batch was given up")
        batch.failure = error
        batch.connection.invalidate()
