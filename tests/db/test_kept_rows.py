"""Rows kept in memory equal a fresh reading: whoever votes, in whatever order votes are committed."""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select, update

from db.labelling import comparisons, log_position, votes
from db.labelling.weighed_votes import read_weighed
from db.models import Comparison, DataChange, Import, ImportState, Outcome, Vote, now
from db.models.imports import ChangeKind, DataKind
from db.storage.session import Database, Session
from ptrapp.services.kept_rows import KeptRows


class Spied:
    """The query, and the comparisons it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, session: Session, comparisons: Collection[int] | None) -> Iterable[Any]:
        self.asked.append(comparisons)
        return read_weighed(session, comparisons)


@pytest.fixture(autouse=True)
def no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions alone decide what is final: a test does not wait for seconds to pass."""
    monkeypatch.setattr(log_position, "MARGIN_S", 0.0)
    monkeypatch.setattr(log_position, "_MARK_EVERY_S", 0.0)


def read(database: Database, kept: KeptRows) -> list[list[int]]:
    with database.read() as session:
        rows: list[list[int]] = kept.current(session).tolist()
    return rows


def recount(database: Database) -> list[list[int]]:
    return read(database, KeptRows(read_weighed, 4))


def cast(database: Database, rater_id: int, comparison_id: int, outcome: Outcome) -> Vote:
    with database.write() as session:
        key = comparisons.offer(session, rater_id, comparison_id, flipped=False).key
    with database.write() as session:
        return votes.cast_vote(session, key, outcome)


def test_votes_changes_and_undos_are_kept_up_with(world: Any) -> None:
    kept = KeptRows(read_weighed, 4)
    assert read(world.database, kept) == []
    for outcome in (Outcome.LEFT, Outcome.TIE, Outcome.RIGHT):
        world.vote(outcome)  # each supersedes the one before
        world.vote(outcome, rater_id=world.bob_id)
        assert read(world.database, kept) == recount(world.database)
        assert len(read(world.database, kept)) == 2
    with world.database.write() as session:
        votes.undo_last(session, world.bob_id, uuid4().hex)
    assert read(world.database, kept) == recount(world.database)
    assert len(read(world.database, kept)) == 1


def test_only_comparisons_with_new_votes_are_read_again(world: Any) -> None:
    spied = Spied()
    kept = KeptRows(spied, 4)
    other = world.another_comparison()
    world.vote()
    read(world.database, kept)
    read(world.database, kept)
    cast(world.database, world.bob_id, other, Outcome.TIE)
    assert read(world.database, kept) == recount(world.database)
    assert spied.asked[0] is None
    assert None not in spied.asked[1:]
    assert other in spied.asked[-1]


def test_what_is_hidden_or_shown_without_a_vote_is_noticed(world: Any) -> None:
    kept = KeptRows(read_weighed, 4)
    world.vote()
    assert len(read(world.database, kept)) == 1
    pair = Comparison.id == world.comparison_id
    for kind, hidden_at in ((ChangeKind.DELETED, now()), (ChangeKind.RESTORED, None)):
        with world.database.write() as session:
            session.execute(update(Comparison).where(pair).values(hidden_at=hidden_at))
            change = DataChange(
                about=DataKind.PAIR, row_id=world.comparison_id, kind=kind, by="ann"
            )
            session.add(change)
        assert len(read(world.database, kept)) == (kind is ChangeKind.RESTORED)
    with world.database.write() as session:
        brought = Import(name="a", file="a.jsonl", format="trl", state=ImportState.DONE)
        session.add(brought)
        session.flush()
        session.execute(update(Comparison).where(pair).values(import_id=brought.id))
    assert len(read(world.database, kept)) == 1
    with world.database.write() as session:
        session.scalars(select(Import)).one().state = ImportState.UNDONE
    assert read(world.database, kept) == recount(world.database) == []


@pytest.mark.postgres
def test_a_vote_committed_after_a_later_one_is_counted(
    world: Any, request: pytest.FixtureRequest
) -> None:
    if "postgresql" not in world.database.url:
        pytest.skip("SQLite has one writer: votes are committed in the order of their ids")
    kept = KeptRows(read_weighed, 4)
    other = world.another_comparison()
    early, late = (world.show(), world.show(rater_id=world.bob_id))
    with world.database.write() as slow:
        first = votes.cast_vote(slow, early, Outcome.LEFT)
        with world.database.write() as quick:
            second = votes.cast_vote(quick, late, Outcome.RIGHT)
        for _ in range(3):
            assert len(read(world.database, kept)) == 1
        cast(world.database, world.bob_id, other, Outcome.TIE)
        assert len(read(world.database, kept)) == 2
    assert first.id < second.id
    assert read(world.database, kept) == recount(world.database)
    assert len(read(world.database, kept)) == 3


def test_a_second_reading_right_after_a_start_reads_new_rows_alone(world: Any) -> None:
    asked: list[Collection[int] | None] = []

    def noted(session: Session, comparisons: Collection[int] | None) -> Iterable[Any]:
        asked.append(comparisons)
        return read_weighed(session, comparisons)

    kept, other = KeptRows(noted, 4), world.another_comparison()
    world.vote()
    read(world.database, kept)
    cast(world.database, world.bob_id, other, Outcome.TIE)
    assert read(world.database, kept) == recount(world.database)
    assert asked[1:] == [[other]]


def test_many_writers_and_readers_at_once_leave_the_rows_as_they_are_recounted(
    world: Any,
) -> None:
    kept = KeptRows(read_weighed, 4)
    pairs = [world.comparison_id, world.another_comparison(), world.another_comparison()]
    raters = (world.ann_id, world.bob_id)

    def work(seed: int) -> None:
        random = Random(seed)
        for _ in range(12):
            if random.random() < 0.2:
                with world.database.write() as session:
                    votes.undo_last(session, random.choice(raters), uuid4().hex)
            else:
                outcome = random.choice((Outcome.LEFT, Outcome.RIGHT, Outcome.TIE))
                cast(world.database, random.choice(raters), random.choice(pairs), outcome)
            if random.random() < 0.5:
                read(world.database, kept)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert read(world.database, kept) == recount(world.database)


def test_a_failing_reading_changes_nothing(world: Any) -> None:
    fails = False

    def now_and_then(session: Session, comparisons: Collection[int] | None) -> Iterable[Any]:
        if fails:
            raise RuntimeError("the connection is gone")
        return read_weighed(session, comparisons)

    kept = KeptRows(now_and_then, 4)
    read(world.database, kept)
    world.vote()
    fails = True
    with pytest.raises(RuntimeError, match="gone"):
        read(world.database, kept)
    fails = False
    assert read(world.database, kept) == recount(world.database)


def test_rows_that_were_handed_out_do_not_change(world: Any) -> None:
    kept = KeptRows(read_weighed, 4)
    world.vote()
    with world.database.read() as session:
        before = kept.current(session)
    copy = before.copy()
    world.vote(Outcome.RIGHT, rater_id=world.bob_id)
    read(world.database, kept)
    assert np.array_equal(before, copy)
