"""Rounds worth imitating are counted, and rounds that were stored before are found."""

from dataclasses import replace
from typing import Any

import pytest

from db.content import prompts, rounds
from db.content.trajectories import is_stored, prompt_texts, training_rounds
from db.models import Partition, RunMode
from db.storage.session import Database, Session
from ptrapp.services.kept_counts import KeptRefined


@pytest.fixture
def chain(make_round: Any) -> Any:
    """Stores a chain of rounds by their authors, every one of them right."""

    def store(session: Session, text: str, *authors: str, n_attempts: int | None = None) -> int:
        prompt = prompts.ensure_prompt(session, text, source="test")
        settings = {} if n_attempts is None else {"n_attempts": n_attempts}
        run = rounds.start_run(session, prompt.id, RunMode.JOB, settings)
        parent = None
        for index, author in enumerate(authors):
            new = replace(make_round(index, parent), author=author, correct=True)
            parent = rounds.add_round(session, run.id, new).id
        return prompt.id

    return store


def test_later_rounds_count_unless_they_are_attempts(database: Database, chain: Any) -> None:
    with database.write() as session:
        chain(session, "as people asked", "policy", "policy", "policy")
        assert KeptRefined().current(session) == 2
        chain(session, "of a job", "policy", "policy", "best-of-8", n_attempts=2)
        assert KeptRefined().current(session) == 3
        chain(session, "by a weaker one", "weak:x", "weak:x", "strong:y")
        assert KeptRefined().current(session) == 4


def test_a_pair_is_stored_when_attempt_answer_and_author_are_the_same(
    database: Database, chain: Any
) -> None:
    with database.write() as session:
        prompt_id = chain(session, "asked", "weak:import", "strong:import")
        other_id = chain(session, "another", "policy", "policy")
        assert is_stored(session, prompt_id, "Answer 0.0", "Answer 1.0", "strong:import")
        assert not is_stored(session, prompt_id, "Answer 0.0", "Answer 1.0", "strong:other")
        assert not is_stored(session, prompt_id, "Answer 9.0", "Answer 1.0", "strong:import")
        assert not is_stored(session, other_id, "Answer 0.0", "Answer 1.0", "strong:import")


def test_texts_of_all_prompts_or_of_one_partition(database: Database) -> None:
    with database.write() as session:
        prompts.ensure_prompt(session, "learnt", source="test")
        prompts.ensure_prompt(session, "kept", source="test", partition=Partition.EVAL)
        assert set(prompt_texts(session)) == {"learnt", "kept"}
        assert list(prompt_texts(session, Partition.EVAL)) == ["kept"]


def test_training_rounds_bring_their_run_along(database: Database, chain: Any) -> None:
    with database.write() as session:
        chain(session, "asked", "policy", n_attempts=1)
    with database.read() as session:
        found = training_rounds(session)
    assert [round_.run.settings for round_ in found] == [{"n_attempts": 1}]
