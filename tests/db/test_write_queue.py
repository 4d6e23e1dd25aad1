"""The write queue: first come first served, committed together, each undone alone."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError

from db.labelling import raters
from db.models import RaterKind
from db.storage.errors import DatabaseLocked, DiskFull
from db.storage.session import Database, open_database
from db.storage.write_queue import BEHIND, IN_FRONT

WAIT_S = 10.0


class Crowd:
    """Threads that write, one name each, in the order they came."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.n_commits = 0
        event.listen(database._writer, "commit", self._count)
        self._pool = ThreadPoolExecutor(32)
        self._hold = threading.Event()
        self._inside = threading.Event()

    def _count(self, _: Any) -> None:
        self.n_commits += 1

    def write(
        self,
        name: str,
        *,
        shared: bool = True,
        durable: bool = True,
        background: bool = False,
        then: Callable[[], None] | None = None,
    ) -> None:
        with self.database.write(shared=shared, durable=durable, background=background) as session:
            raters.ensure_rater(session, RaterKind.HUMAN, name)
            session.flush()
            if then:
                then()

    def occupy(self) -> "Future[None]":
        """Has one thread admitted that stays until `go`."""

        def stay() -> None:
            self._inside.set()
            assert self._hold.wait(WAIT_S)

        first = self._pool.submit(self.write, "first", then=stay)
        assert self._inside.wait(WAIT_S)
        return first

    def queue(self, name: str, **more: Any) -> "Future[None]":
        """Adds a thread to the queue, and returns once it waits there."""
        return self.wait_with(partial(self.write, name, **more))

    def wait_with(self, write: Callable[[], None]) -> "Future[None]":
        """The same with anything that waits in the queue."""
        queue = self.database._write_queue

        def n_waiting() -> int:
            return len(queue._waiting) + len(queue._behind)  # type: ignore[union-attr]

        n = n_waiting()
        queued = self._pool.submit(write)
        until = time.monotonic() + WAIT_S
        while n_waiting() == n:
            assert time.monotonic() < until
            time.sleep(0.001)
        return queued

    def go(self) -> None:
        self._hold.set()

    def stored(self) -> list[str]:
        with self.database.read() as session:
            return list(session.execute(text("SELECT name FROM raters ORDER BY id")).scalars())


@pytest.fixture
def crowd(sqlite_url: str) -> Iterator[Crowd]:
    database = open_database(sqlite_url, busy_timeout_s=5)
    yield Crowd(database)
    database.dispose()


def test_waiting_writers_are_committed_together_in_the_order_they_came(crowd: Crowd) -> None:
    first = crowd.occupy()
    others = [crowd.queue(f"r{number}") for number in range(9)]
    assert crowd.stored() == []
    crowd.go()
    for one in (first, *others):
        one.result(WAIT_S)
    assert crowd.stored() == ["first", *(f"r{number}" for number in range(9))]
    assert crowd.n_commits == 1


def test_what_is_acknowledged_is_there_for_others(crowd: Crowd) -> None:
    def write_and_look(number: int) -> bool:
        crowd.write(f"r{number}")
        return f"r{number}" in crowd.stored()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_look, range(80)))
    assert 1 <= crowd.n_commits <= 80


def test_one_that_fails_takes_nothing_of_the_others_with_it(crowd: Crowd) -> None:
    def fail() -> None:
        raise ValueError("no")

    first = crowd.occupy()
    before, failing, after = crowd.queue("a"), crowd.queue("b", then=fail), crowd.queue("c")
    crowd.go()
    for one in (first, before, after):
        one.result(WAIT_S)
    with pytest.raises(ValueError, match="no"):
        failing.result(WAIT_S)
    assert crowd.stored() == ["first", "a", "c"]


def test_the_last_one_commits_the_others_though_it_fails_itself(crowd: Crowd) -> None:
    def fail() -> None:
        raise ValueError("no")

    first = crowd.occupy()
    failing = crowd.queue("b", then=fail)
    crowd.go()
    first.result(WAIT_S)
    with pytest.raises(ValueError, match="no"):
        failing.result(WAIT_S)
    assert crowd.stored() == ["first"]


def test_who_does_not_share_neither_waits_for_others_nor_makes_them_wait(crowd: Crowd) -> None:
    seen: list[list[str]] = []
    first = crowd.occupy()
    alone = crowd.queue("alone", shared=False, then=lambda: seen.append(crowd.stored()))
    after = crowd.queue("after", then=lambda: seen.append(crowd.stored()))
    crowd.go()
    for one in (first, alone, after):
        one.result(WAIT_S)
    assert seen == [["first"], ["first", "alone"]]
    assert crowd.n_commits == 3


def test_on_a_full_disk_only_what_is_there_was_acknowledged(crowd: Crowd) -> None:
    """SQLite may roll the whole transaction back: the earlier ones of the batch must fail too."""
    with crowd.database.write() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one() + 40
        session.execute(text(f"PRAGMA max_page_count = {pages}"))

    def write(name: str) -> Exception | None:
        try:
            with crowd.database.write(shared=True) as session:
                size = {"padding": "x" * 2000 * (len(name) % 3)}
                raters.ensure_rater(session, RaterKind.HUMAN, name, size)
        except DiskFull as error:
            return error
        return None

    names = [f"{number:0{1 + number % 5}}" for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        errors = dict(zip(names, pool.map(write, names), strict=True))

    stored = set(crowd.stored())
    assert any(error for error in errors.values())
    assert all((error is None) == (name in stored) for name, error in errors.items())
    crowd.database._writer.dispose()  # the limit goes with the connection
    crowd.write("room again")
    assert "room again" in crowd.stored()


def test_a_transaction_rolled_back_in_silence_fails_all_of_them_and_not_the_next(
    crowd: Crowd,
) -> None:
    """SQLite may do so inside a block that catches the error: no write is acknowledged."""

    def roll_back() -> None:
        batch = crowd.database._write_queue._batch  # type: ignore[union-attr]
        batch.connection.connection.dbapi_connection.rollback()  # type: ignore[union-attr]

    first = crowd.occupy()
    others = [crowd.queue("a"), crowd.queue("b", then=roll_back)]
    crowd.go()
    for one in (first, *others):
        with pytest.raises(SQLAlchemyError):
            one.result(WAIT_S)
    assert crowd.stored() == []
    crowd.write("next")
    assert crowd.stored() == ["next"]


def test_a_commit_that_fails_fails_all_of_them_and_not_the_next(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        event.remove(crowd.database._writer, "commit", refuse)
        raise OSError("the disk is gone")

    event.listen(crowd.database._writer, "commit", refuse)
    first = crowd.occupy()
    others = [crowd.queue("a"), crowd.queue("b")]
    crowd.go()
    for one in (first, *others):
        with pytest.raises(OSError, match="gone"):
            one.result(WAIT_S)
    assert crowd.stored() == []
    crowd.write("next")
    assert crowd.stored() == ["next"]


def test_a_writing_session_inside_another_fails_with_a_reason(sqlite_url: str) -> None:
    database = open_database(sqlite_url, busy_timeout_s=0.2)
    with database.write() as _, pytest.raises(DatabaseLocked, match="transaction open"):
        with database.write():
            pass
    with database.write() as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "after")
    database.dispose()


def test_another_program_that_holds_the_file_is_waited_for_and_named(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = open_database(sqlite_url, busy_timeout_s=0.1)
    other = open_database(sqlite_url, busy_timeout_s=0.1)
    with other.write(shared=True):
        with pytest.raises(DatabaseLocked, match="Another program"):
            with database.write(shared=True):
                pass
    with database.write(shared=True) as session:
        raters.ensure_rater(session, RaterKind.HUMAN, "then")
    other.dispose()
    database.dispose()


def test_a_turn_of_another_program_comes_in_order(crowd: Crowd, sqlite_url: str) -> None:
    def write_elsewhere() -> None:
        with crowd.database.turn():
            other = open_database(sqlite_url, busy_timeout_s=0)  # fails where it would have to wait
            with other.write() as session:
                raters.ensure_rater(session, RaterKind.HUMAN, "elsewhere")
            other.dispose()

    first = crowd.occupy()
    before = crowd.queue("before")
    elsewhere = crowd.wait_with(write_elsewhere)
    after = crowd.queue("after")
    crowd.go()
    for one in (first, before, elsewhere, after):
        one.result(WAIT_S)
    assert crowd.stored() == ["first", "before", "elsewhere", "after"]


def test_what_is_not_durable_never_shares_a_commit_with_what_is(crowd: Crowd) -> None:
    first = crowd.occupy()
    others = [crowd.queue(f"r{n}", durable=n != 1) for n in range(3)]
    crowd.go()
    for one in (first, *others):
        one.result(WAIT_S)
    assert crowd.stored() == ["first", "r0", "r1", "r2"]
    assert crowd.n_commits == 3, "first and r0; r1; r2"


def test_those_in_the_background_let_the_others_pass(crowd: Crowd) -> None:
    seen: list[list[str]] = []
    first = crowd.occupy()
    behind = [
        crowd.queue(f"b{n}", background=True, then=lambda: seen.append(crowd.stored()))
        for n in range(2)
    ]
    others = [crowd.queue(f"r{n}") for n in range(3)]
    crowd.go()
    for one in (first, *behind, *others):
        one.result(WAIT_S)
    assert crowd.stored() == ["first", "r0", "r1", "r2", "b0", "b1"]
    assert seen == [["first", "r0", "r1", "r2"]] * 2, "who passed did not wait for their commit"
    assert crowd.n_commits == 2


def test_who_waits_long_in_a_queue_that_moves_does_not_fail(sqlite_url: str) -> None:
    database = open_database(sqlite_url, busy_timeout_s=0.1)  # a second, in the queue
    crowd = Crowd(database)
    first = crowd.occupy()
    others = [crowd.queue(f"r{n}", then=lambda: time.sleep(0.4)) for n in range(5)]
    behind = crowd.queue("b", background=True)
    crowd.go()
    for one in (first, *others, behind):
        one.result(WAIT_S)
    assert crowd.stored()[-1] == "b"
    database.dispose()


def test_those_in_the_background_have_their_turn_though_others_never_cease(crowd: Crowd) -> None:
    first = crowd.occupy()
    others = [crowd.queue(f"r{n}") for n in range(2 * IN_FRONT + 3)]
    behind = [crowd.queue(f"b{n}", background=True) for n in range(BEHIND + 1)]
    crowd.go()
    for one in (first, *others, *behind):
        one.result(WAIT_S)
    stored = crowd.stored()
    order = "".join(name[0] for name in stored[1:])
    assert order == "r" * IN_FRONT + "b" * BEHIND + "r" * IN_FRONT + "b" + "rrr"
    for kind in "rb":
        of_kind = [int(name[1:]) for name in stored[1:] if name[0] == kind]
        assert of_kind == sorted(of_kind), "in the order they came"


def test_a_turn_that_fails_is_over(crowd: Crowd) -> None:
    with pytest.raises(ZeroDivisionError), crowd.database.turn():
        raise ZeroDivisionError
    crowd.write("after")
    assert crowd.stored() == ["after"]


def test_a_database_with_turns_waits_for_one_before_each_transaction(sqlite_url: str) -> None:
    class Counted:
        alone = True

        def __init__(self) -> None:
            self.n_begun = self.n_over = 0

        @contextmanager
        def turn(self) -> Iterator[None]:
            self.n_begun += 1
            yield
            self.n_over += 1

    turns = Counted()
    database = open_database(sqlite_url, turns=turns)
    assert database.is_alone
    for n in range(3):
        with database.write() as session:
            assert (turns.n_begun, turns.n_over) == (n + 1, n)
            raters.ensure_rater(session, RaterKind.HUMAN, f"r{n}")
    with database.read():
        assert (turns.n_begun, turns.n_over) == (3, 3)
    database.dispose()
