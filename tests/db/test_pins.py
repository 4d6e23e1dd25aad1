"""Prompts are pinned once, up to a number, and what versions answered is no person's run."""

from dataclasses import replace

import pytest
from small_world import World, new_round

from db.content import pins, rounds, trajectories
from db.labelling import candidates
from db.models import Aspect, RunState
from db.storage.errors import Conflict, Missing
from ptrapp.services.kept_counts import KeptCounts, KeptRefined

ASKED = {"n": 2, "thinking": "always"}


def pin(world: World, prompt_id: int | None = None, most: int = 2, **settings: object) -> int:
    with world.database.write() as session:
        wanted = ASKED | settings
        return pins.pin(session, prompt_id or world.prompt_id, wanted, world.ann_id, most).id


def answer(world: World, pin_id: int, model: str = "tiny", *, correct: bool = True) -> int:
    with world.database.write() as session:
        run = pins.ensure_answer(session, pins.get(session, pin_id), None, model)
        first = rounds.add_round(session, run.id, new_round())
        again = replace(new_round(1, first.id), correct=correct)
        rounds.add_round(session, run.id, again)
        rounds.finish_run(session, run.id, RunState.DONE)
        return run.id


def test_a_prompt_is_pinned_once(world: World) -> None:
    pin_id = pin(world)
    with pytest.raises(Conflict, match="pinned already"):
        pin(world)
    with world.database.read() as session:
        assert [one.id for one in pins.pinned(session)] == [pin_id]
        found = pins.of_prompt(session, world.prompt_id)
        assert found is not None
        assert found.id == pin_id


def test_no_more_prompts_are_pinned_than_may_be(world: World) -> None:
    with pytest.raises(Conflict, match="no more than 0"):
        pin(world, most=0)


def test_what_is_pinned_again_as_before_has_its_answers(world: World) -> None:
    pin_id = pin(world)
    answer(world, pin_id)
    with world.database.write() as session:
        pins.unpin(session, pin_id)
    with pytest.raises(Missing), world.database.read() as session:
        pins.get(session, pin_id)
    assert pin(world) == pin_id
    with world.database.write() as session:
        pins.unpin(session, pin_id)
    other = pin(world, n=3)
    assert other != pin_id
    with world.database.read() as session:
        assert len(pins.answered(session, [pin_id])) == 1
        assert pins.answered(session, [other]) == []


def test_each_base_model_has_an_answer_of_its_own(world: World) -> None:
    pin_id = pin(world)
    first = answer(world, pin_id, "tiny")
    other = answer(world, pin_id, "large")
    assert first != other
    with world.database.write() as session:
        again = pins.ensure_answer(session, pins.get(session, pin_id), None, "tiny")
        assert again.id == first
    with world.database.read() as session:
        assert [one.model for one in pins.answered(session, [pin_id])] == ["tiny", "large"]
        written = pins.rounds_of(session, [first])
        assert [row.index for row in written[first]] == [0, 1]


def test_what_failed_is_asked_again_when_a_person_wants_it(world: World) -> None:
    pin_id = pin(world)
    with world.database.write() as session:
        run = pins.ensure_answer(session, pins.get(session, pin_id), None, "tiny")
        rounds.finish_run(session, run.id, RunState.FAILED, "no room")
    with world.database.write() as session:
        assert pins.ask_again(session, pin_id) == 1
        assert pins.ask_again(session, pin_id) == 0
    with world.database.read() as session:
        (one,) = pins.answered(session, [pin_id])
    assert (one.state, one.message) == (RunState.STOPPED, None)


def test_pinned_answers_are_neither_counted_nor_offered_nor_learnt(world: World) -> None:
    with world.database.read() as session:
        n_rounds = KeptCounts().current(session).sources[0].n_rounds
        n_refined = KeptRefined().current(session)
        learnt = len(trajectories.training_rounds(session))
        offered = candidates.any_two(session, Aspect.RESPONSE)
    answer(world, pin(world))
    with world.database.read() as session:
        assert KeptCounts().current(session).sources[0].n_rounds == n_rounds
        assert KeptRefined().current(session) == n_refined
        assert len(trajectories.training_rounds(session)) == learnt
        assert candidates.any_two(session, Aspect.RESPONSE) == offered
        assert candidates.adjacent(session, Aspect.RESPONSE)
