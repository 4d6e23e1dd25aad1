"""Measurements are listed as they were made."""

import pytest

from db.content import prompts
from db.models import Partition
from db.registry import evaluations
from db.storage.errors import Conflict
from db.storage.session import Database


def _add(database: Database, task: str, n_correct: int) -> None:
    with database.write() as session:
        evaluations.add_once(
            session,
            adapter_id=None,
            task=task,
            round_index=2,
            setting=f"greedy, {n_correct} right",
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


def test_the_same_measurement_is_stored_once(database: Database) -> None:
    asked = {"adapter_id": None, "task": "add", "round_index": 1, "n": 10, "n_correct": 3}
    with database.write() as session:
        first = evaluations.add_once(session, setting="greedy, job 1", **asked).id
        again = evaluations.add_once(session, setting="greedy, job 1", **asked).id
        other = evaluations.add_once(session, setting="greedy, job 2", **asked).id
    assert first == again != other
    with database.read() as session:
        assert len(evaluations.listing(session)) == 2


def test_questions_that_training_may_use_are_counted(database: Database) -> None:
    with database.write() as session:
        for number in range(3):
            prompts.ensure_prompt(session, f"Question {number}?", source="play")
        held_out = {"source": "file", "partition": Partition.EVAL}
        prompts.ensure_prompt(session, "Question 3?", **held_out)
        prompts.ensure_prompt(session, "Question 0?", source="file", reference_answer="1")
        asked = [f"Question {number}?" for number in (0, 1, 3, *range(10, 1200))]
        assert evaluations.n_training_prompts(session, asked) == 2
