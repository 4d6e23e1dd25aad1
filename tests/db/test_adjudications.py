"""Adjudications on both databases: a hidden pair takes none, and of two at once one is refused."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_world import World
from sqlalchemy import text

from db.labelling import adjudications, raters
from db.models import Comparison, Outcome, RaterKind, Vote, now
from db.storage.errors import Conflict
from db.storage.session import Database


def settle(world: World, rater_id: int, outcome: Outcome, key: str) -> Vote:
    with world.database.write() as session:
        return adjudications.adjudicate(session, rater_id, world.comparison_id, outcome, key)


def current(world: World) -> Vote:
    with world.database.read() as session:
        return adjudications.of_comparisons(session, [world.comparison_id])[world.comparison_id]


def test_a_pair_that_was_hidden_since_is_not_settled(world: World) -> None:
    with world.database.write() as session:
        session.get_one(Comparison, world.comparison_id).hidden_at = now()
    with pytest.raises(Conflict, match="This pair was deleted"):
        settle(world, world.ann_id, Outcome.LEFT, "first")
    with world.database.write() as session:
        session.get_one(Comparison, world.comparison_id).hidden_at = None
    settle(world, world.ann_id, Outcome.LEFT, "first")
    assert current(world).outcome is Outcome.LEFT


def waits_for_a_lock(database: Database) -> None:
    """Waits until another transaction of PostgreSQL waits for this one; SQLite has a queue."""
    if database._writer.dialect.name == "sqlite":
        return
    # of this database: others on the server are those of other tests at the same time
    waiting = text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database()"
    )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with database.read() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    pytest.fail("nobody waited")


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "in place of an earlier one"])
def test_who_comes_second_at_the_same_moment_is_told_so_and_changes_nothing(
    world: World, earlier: bool
) -> None:
    if earlier:
        settle(world, world.ann_id, Outcome.TIE, "earlier")
    with ThreadPoolExecutor(1) as pool:
        with world.database.write() as session:
            adjudications.adjudicate(
                session, world.ann_id, world.comparison_id, Outcome.LEFT, "from ann"
            )
            second = pool.submit(settle, world, world.bob_id, Outcome.RIGHT, "from bob")
            waits_for_a_lock(world.database)
        if world.database._writer.dialect.name == "sqlite":  # one after the other, in order
            assert second.result(30).supersedes_id is not None
            return
        with pytest.raises(Conflict, match="Somebody else settled this pair"):
            second.result(30)
    assert current(world).outcome is Outcome.LEFT
    again = settle(world, world.bob_id, Outcome.RIGHT, "from bob again")
    assert (current(world).id, current(world).rater.name) == (again.id, "bob")


def test_the_same_ruling_sent_twice_at_once_is_stored_once(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(settle, world, world.ann_id, Outcome.LEFT, "once") for _ in range(4)]
        assert len({one.result(30).id for one in sent}) == 1


def test_a_judge_settles_nothing(world: World) -> None:
    with world.database.write() as session:
        judge = raters.ensure_rater(session, RaterKind.JUDGE, "judge").id
    with pytest.raises(Conflict, match="is no person"):
        settle(world, judge, Outcome.LEFT, "judged")
