"""Groups concurrent small writes of a program's threads into one commit on SQLite (group commit).

A transaction is on the disk before its block is left, and waiting for the disk is much of the cost
of a small write. While several threads wait, those that allow it share one transaction of the file,
each inside a savepoint of its own, and the disk is waited for once. A failing block undoes only its
own savepoint; a failing commit fails for all that share it.
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

from db.storage.connect import wait_for_disk
from db.storage.errors import DatabaseGone
from db.storage.open_files import OpenFiles

MAX_BATCH = 16
"""Transactions in one commit: the first of them waits for the last."""
IN_FRONT = 8
"""Threads that go before some in the background have their turn."""
BEHIND = 4
"""Threads in the background that have one turn, and share a commit if they may."""


@dataclass(slots=True)
class _Batch:
    """Transactions that are executed and not yet committed."""

    connection: Connection
    n: int = 0
    committed: threading.Event = field(default_factory=threading.Event)
    """Set once the commit has succeeded or failed."""
    failure: Exception | None = None


@dataclass(slots=True)
class _Waiter:
    """A thread in the queue."""

    shared: bool
    background: bool = False
    is_next: bool = False
    admitted: threading.Event = field(default_factory=threading.Event)


class WriteQueue:
    """Lends the writer's one connection to a thread at a time, first come, first served.

    Those in the background let the others pass, and have a turn now and then.
    """

    def __init__(self, writer: Engine, timeout_s: float, files: OpenFiles) -> None:
        self._writer = writer
        self._files = files
        self._timeout_s = timeout_s
        """How long nobody may get the connection before a thread that waits for it fails."""
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._behind: deque[_Waiter] = deque()
        """Those that wait in the background."""
        self._n_admitted = 0
        """Threads of both kinds since both have been waiting, counted to `IN_FRONT + BEHIND`."""
        self._last: _Waiter | None = None
        """Who was admitted last."""
        self._in_use = False
        self._batch: _Batch | None = None

    @contextmanager
    def session(
        self, *, shared: bool, durable: bool = True, background: bool = False
    ) -> Iterator[Session]:
        """Lends a session whose changes are on the disk when the block is left, or nowhere.

        What is not `durable` is stored for every program then, and on the disk with the next
        transaction that is.
        """
        shared = shared and durable
        self._acquire(shared, background)
        batch: _Batch | None = None
        try:
            batch = self._batch = self._batch or _Batch(self._begin(durable))
            with _session_of(batch.connection) as session, session.begin():
                try:
                    yield session
                    session.flush()
                finally:
                    _check_transaction(batch)
            batch.n += 1
        finally:
            self._release(batch, shared, background)
        batch.committed.wait()
        if batch.failure is not None:
            raise batch.failure

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Lends a place in the queue to another process, which writes to the file meanwhile."""
        self._acquire(shared=False)
        try:
            yield
        finally:
            self._release(None, shared=False)

    def _begin(self, durable: bool) -> Connection:
        with ExitStack() as undo:
            connection = undo.enter_context(self._writer.connect())
            wait_for_disk(connection, durable)
            connection.begin()
            self._files.check_of(connection)
            undo.pop_all()
        return connection

    def _release(self, batch: _Batch | None, shared: bool, background: bool = False) -> None:
        """Admits the next waiter, into the same batch if both share; else after the commit.

        Those in the background share with their like: a batch of both would have the others wait
        for them.
        """
        with self._lock:
            waiter = self._next()
            joins = (
                waiter is not None
                and (waiter.shared and shared)
                and waiter.background == background
            )
        if batch and (not joins or batch.n >= MAX_BATCH or batch.failure is not None):
            self._batch = None
            self._commit(batch)
        if waiter:
            waiter.admitted.set()
        else:
            self._admit_or_idle()

    def _commit(self, batch: _Batch) -> None:
        """Commits a batch and wakes the threads that wait for it, whether it succeeded or not."""
        try:
            if batch.failure is None:
                batch.connection.commit()
                self._files.check()  # what was committed to a deleted file is not acknowledged
        except Exception as error:  # noqa: BLE001 - handed to the threads that wait
            batch.failure = error
        finally:
            unknown = batch.failure is not None and not isinstance(batch.failure, DatabaseGone)
            if unknown and not batch.connection.invalidated:
                batch.connection.invalidate()  # its state is unknown: the next batch gets a new one
            batch.connection.close()
            batch.committed.set()

    def _admit_or_idle(self) -> None:
        """Admits a thread that came during the commit; without one the connection is idle."""
        with self._lock:
            waiter = self._next()
            if waiter:
                waiter.admitted.set()
            else:
                self._in_use = False

    def _next(self) -> _Waiter | None:
        """Takes the thread whose turn it is out of the queue; called under the lock."""
        if self._waiting and self._behind:
            queue = self._waiting if self._n_admitted < IN_FRONT else self._behind
            self._n_admitted = (self._n_admitted + 1) % (IN_FRONT + BEHIND)
        else:
            queue = self._waiting or self._behind
            self._n_admitted = 0
        if not queue:
            return None
        waiter = self._last = queue.popleft()
        waiter.is_next = True
        return waiter

    def _acquire(self, shared: bool, background: bool = False) -> None:
        with self._lock:
            if not self._in_use:
                self._in_use = True
                return
            waiter, last = _Waiter(shared, background), self._last
            queue = self._behind if background else self._waiting
            queue.append(waiter)
        while not waiter.admitted.wait(self._timeout_s):
            with self._lock:
                if not waiter.is_next and self._last is last:
                    queue.remove(waiter)
                    raise PoolTimeout("the write connection did not come free in time")
                last = self._last


def _session_of(connection: Connection) -> Session:
    return Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")


def _check_transaction(batch: _Batch) -> None:
    """Fails the batch if SQLite has rolled the whole transaction back, as on a full disk."""
    if not batch.connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        error = sys.exception()
        if not isinstance(error, Exception):  # the block caught it, or is itself being ended
            error = PendingRollbackError("the transaction of the whole batch was rolled back")
        batch.failure = error
        batch.connection.invalidate()
