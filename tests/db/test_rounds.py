"""Runs and rounds: a tree that is read back whole."""

from typing import Any

import pytest

from db.content import prompts, rounds
from db.models import Adapter, RunMode, RunState
from db.registry import adapters
from db.storage.errors import Conflict
from db.storage.session import Database


def test_a_run_is_readable_after_its_session(world: Any) -> None:
    with world.database.read() as session:
        run = rounds.load_run(session, world.run_id)
    assert run is not None
    assert run.prompt.text == "What is 2 + 2?"
    assert run.adapter is None
    assert [round_.index for round_ in run.rounds] == [0, 1, 2]
    last = run.rounds[2]
    assert (last.run, last.prompt.id, last.adapter) == (run, world.prompt_id, None)
    assert last.parent is run.rounds[1]
    assert last.completion_ids == [1, 2, 3]


def test_a_run_that_is_not_there_is_none(database: Database) -> None:
    with database.read() as session:
        assert rounds.load_run(session, 99) is None


def test_lineage_is_the_earlier_rounds_oldest_first(world: Any) -> None:
    first, second, third = world.round_ids
    with world.database.read() as session:
        run = rounds.load_run(session, world.run_id)
        assert run is not None
        assert [row.id for row in rounds.lineage(session, run.rounds[2])] == [first, second]
        assert rounds.lineage(session, run.rounds[0]) == []
    with world.database.read() as session:  # a detached round asks the new session
        assert [row.id for row in rounds.lineage(session, run.rounds[2])] == [first, second]
    assert third == run.rounds[2].id


def test_a_round_follows_the_round_before_it_of_the_same_prompt(
    world: Any, make_round: Any
) -> None:
    with pytest.raises(Conflict, match="a parent is the round before it"):
        with world.database.write() as session:
            rounds.add_round(session, world.run_id, make_round(2, world.round_ids[0], 1))
    with world.database.write() as session:
        other = prompts.ensure_prompt(session, "Another?", source="play")
        run = rounds.start_run(session, other.id, RunMode.REFINE, {})
        with pytest.raises(Conflict, match="same prompt"):
            rounds.add_round(session, run.id, make_round(1, world.round_ids[0]))


def test_a_first_round_has_no_parent_and_a_later_one_has(world: Any, make_round: Any) -> None:
    with pytest.raises(Conflict):
        with world.database.write() as session:
            rounds.add_round(session, world.run_id, make_round(1, None, 5))


def test_one_position_in_a_run_is_taken_once(world: Any, make_round: Any) -> None:
    with pytest.raises(Conflict):
        with world.database.write() as session:
            rounds.add_round(session, world.run_id, make_round(1, world.round_ids[0]))


def test_a_round_carries_the_version_its_run_is_pinned_to(world: Any, make_round: Any) -> None:
    with world.database.write() as session:
        version = _register(session)
        run = rounds.start_run(session, world.prompt_id, RunMode.SAMPLE, {}, adapter_id=version.id)
        ours = rounds.add_round(session, run.id, make_round())
        theirs = make_round(candidate=1)
        strong = type(theirs)(**{**_fields(theirs), "author": "strong"})
        assert ours.adapter_id == version.id
        assert rounds.add_round(session, run.id, strong).adapter_id is None


def test_a_failed_run_keeps_its_rounds_and_says_why(world: Any) -> None:
    with world.database.write() as session:
        rounds.finish_run(session, world.run_id, RunState.FAILED, "The model ran out of memory.")
    with world.database.read() as session:
        run = rounds.load_run(session, world.run_id)
    assert run is not None
    assert (run.state, run.message) == (RunState.FAILED, "The model ran out of memory.")
    assert len(run.rounds) == 3


def test_the_last_run_is_of_this_person_and_of_the_play_page(world: Any) -> None:
    with world.database.write() as session:
        rounds.start_run(session, world.prompt_id, RunMode.JOB, {}, rater_id=world.ann_id)
        rounds.start_run(session, world.prompt_id, RunMode.SAMPLE, {}, rater_id=world.bob_id)
    with world.database.read() as session:
        run = rounds.last_run(session, world.ann_id)
        assert rounds.last_run(session, world.judge_id) is None
    assert run is not None
    assert run.id == world.run_id
    assert len(run.rounds) == 3


def test_runs_of_a_dead_process_are_stopped_once_with_a_message(world: Any) -> None:
    with world.database.write() as session:
        done = rounds.start_run(session, world.prompt_id, RunMode.SAMPLE, {})
        rounds.finish_run(session, done.id, RunState.DONE)
        job = rounds.start_run(session, world.prompt_id, RunMode.JOB, {})
    with world.database.write() as session:
        assert rounds.abandon_runs(session) == 1
        assert rounds.abandon_runs(session) == 0
    with world.database.read() as session:
        found = [rounds.load_run(session, id_) for id_ in (world.run_id, done.id, job.id)]
    assert [run.state for run in found if run] == [
        RunState.STOPPED,
        RunState.DONE,
        RunState.RUNNING,
    ]
    assert found[0] is not None
    assert "kept" in (found[0].message or "")


def test_an_unknown_run_is_a_conflict(database: Database, make_round: Any) -> None:
    with pytest.raises(Conflict, match="Run 99"):
        with database.write() as session:
            rounds.add_round(session, 99, make_round())


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _register(session: Any) -> Adapter:
    return adapters.register(
        session,
        name="v1",
        parent_id=None,
        job_id=None,
        snapshot_id=None,
        base_model="tiny",
        path="adapters/v1",
        sha256="0" * 64,
        metrics={},
    )
