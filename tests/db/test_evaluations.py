"""Measurements are listed as they were made."""

import pytest

from db import evaluations
from db.errors import Conflict
from db.session import Database


def _add(database: Database, task: str, n_correct: int) -> None:
    with database.write() as session:
        evaluations.add(
            session,
            adapter_id=None,
            task=task,
            round_index=2,
            setting="greedy",
            n=10,
            n_correct=n_correct,
        )


def test_measurements_are_listed_oldest_first_and_by_task(database: Database) -> None:
    for task, n_correct in (("add", 3), ("sort", 4), ("add", 5)):
        _add(database, task, n_correct)
    with database.read() as session:
        assert [row.n_correct for row in evaluations.listing(session)] == [3, 4, 5]
        assert [row.n_correct for row in evaluations.listing(session, task="add")] == [3, 5]


def test_more_correct_than_asked_is_refused(database: Database) -> None:
    with pytest.raises(Conflict):
        _add(database, "add", 11)


def test_the_same_measurement_said_again_is_there_once(database: Database) -> None:
    asked = {"adapter_id": None, "task": "add", "round_index": 1, "n": 10, "n_correct": 3}
    with database.write() as session:
        first = evaluations.add_once(session, setting="greedy, job 1", **asked).id
        again = evaluations.add_once(session, setting="greedy, job 1", **asked).id
        other = evaluations.add_once(session, setting="greedy, job 2", **asked).id
    assert first == again != other
    with database.read() as session:
        assert len(evaluations.listing(session)) == 2
