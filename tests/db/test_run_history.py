"""People's runs are found by text, votes and verdicts; a filter tells nothing that is covered."""

from dataclasses import replace
from typing import Any

import pytest
from small_world import World, new_round

from db.content import prompts, rounds
from db.labelling import comparisons, preferences, run_history, votes
from db.labelling.run_history import RunFilter
from db.models import Outcome, RunMode
from db.storage.errors import Missing


def ask(world: World, prompt: str, responses: list[tuple[str, bool | None]], **more: Any) -> int:
    """A person's run of rounds with these responses and verdicts."""
    with world.database.write() as session:
        who = more.pop("rater_id", world.ann_id)
        row = prompts.ensure_prompt(session, prompt, source="play")
        run = rounds.start_run(
            session, row.id, more.pop("mode", RunMode.REFINE), {}, rater_id=who, **more
        )
        parent = None
        for index, (response, correct) in enumerate(responses):
            new = replace(new_round(index, parent), response=response, correct=correct)
            parent = rounds.add_round(session, run.id, new).id
        return run.id


def found(world: World, reader_id: int | None = None, **wanted: Any) -> list[int]:
    with world.database.read() as session:
        rows, n = run_history.find_runs(session, RunFilter(**wanted), reader_id, start=0, n=50)
    assert n == len(rows)
    return [run.id for run, _ in rows]


def test_words_are_found_in_prompts_responses_and_names(world: World) -> None:
    pens = ask(world, "How many PENS?", [("Four 100% sure.", None)])
    cats = ask(world, "How many cats?", [("No pens, two cats.", None)])
    with world.database.write() as session:
        run_history.keep(session, cats, title="Felines", starred=None)
    assert found(world, text="pens") == [cats, pens]
    assert found(world, text="felines") == [cats]
    assert found(world, text="0% s") == [pens]  # a sign of LIKE is a character like any other
    assert found(world, text="%%") == []


def test_right_and_wrong_are_of_the_last_round(world: World) -> None:
    repaired = ask(world, "a", [("1", False), ("2", True)])
    broken = ask(world, "b", [("1", True), ("2", False)])
    ask(world, "c", [("1", None)])
    assert found(world, right=True) == [repaired]
    assert found(world, right=False) == [broken]


def test_a_run_with_an_open_pair_is_neither_right_nor_wrong_for_who_compares(
    world: World,
) -> None:
    run_id = ask(world, "a", [("1", False), ("2", True)])
    with world.database.write() as session:
        run = rounds.load_run(session, run_id)
        assert run is not None
        pair = comparisons.ensure_comparison(session, run.rounds[0].id, run.rounds[1].id)
        key = comparisons.offer(session, world.bob_id, pair.id, flipped=False).key
    assert found(world, world.bob_id, right=True) == []
    assert found(world, world.ann_id, right=True) == [run_id]
    with world.database.read() as session:
        assert run_history.with_open_pairs(session, world.bob_id, [run_id]) == {run_id}
    with world.database.write() as session:
        votes.cast_vote(session, key, Outcome.LEFT)
    assert found(world, world.bob_id, right=True) == [run_id]


def test_an_offer_made_anew_and_decided_closes_the_pair(world: World) -> None:
    world.show()
    world.vote()
    with world.database.read() as session:
        assert run_history.with_open_pairs(session, world.ann_id, [world.run_id]) == set()


def test_voted_is_what_a_person_s_vote_counts_on(world: World) -> None:
    run_id = ask(world, "a", [("1", None)])
    assert found(world, voted=False) == [run_id, world.run_id]
    world.vote()
    assert found(world, voted=True) == [world.run_id]
    with world.database.read() as session:
        assert run_history.votes_of(session, [run_id, world.run_id]) == {world.run_id: 1}
    with world.database.write() as session:
        votes.undo_last(session, world.ann_id, "undo")
    assert found(world, voted=True) == []


def test_another_person_s_vote_counts_as_well(world: World) -> None:
    world.vote(rater_id=world.bob_id)
    assert found(world, voted=True) == [world.run_id]
    assert found(world, voted=False) == []


def test_a_judge_s_vote_is_no_person_s(world: World) -> None:
    with world.database.write() as session:
        votes.judge_vote(
            session, world.judge_id, world.comparison_id, Outcome.LEFT, "", "k", agreed=True
        )
    assert found(world, voted=True) == []


def test_runs_are_filtered_by_mode_star_and_person(world: World) -> None:
    sampled = ask(world, "a", [("1", None)], mode=RunMode.SAMPLE)
    of_bob = ask(world, "b", [("1", None)], rater_id=world.bob_id)
    with world.database.write() as session:
        run_history.keep(session, of_bob, title=None, starred=True)
    assert found(world, mode=RunMode.SAMPLE) == [sampled]
    assert found(world, starred=True) == [of_bob]
    assert found(world, rater_id=world.ann_id) == [sampled, world.run_id]
    assert found(world, by_base=True) == [of_bob, sampled, world.run_id]
    assert found(world, version_id=1) == []


def test_runs_of_jobs_and_of_pins_are_not_among_them(world: World) -> None:
    with world.database.write() as session:
        rounds.start_run(session, world.prompt_id, RunMode.JOB, {})
    assert found(world) == [world.run_id]


def test_a_deleted_run_is_gone_and_its_votes_count(world: World) -> None:
    world.vote()
    with world.database.write() as session:
        run_history.delete(session, world.run_id)
    assert found(world) == []
    assert found(world, deleted=True) == [world.run_id]
    with world.database.read() as session:
        assert rounds.last_run(session, world.ann_id) is None
        assert preferences.count_preferences(session, 0) == 1
        assert len(preferences.current_votes(session)) == 1
    with world.database.write() as session:
        run_history.restore(session, world.run_id)
    assert found(world) == [world.run_id]


def test_a_run_of_nobody_is_not_kept(world: World) -> None:
    with world.database.write() as session:
        run = rounds.start_run(session, world.prompt_id, RunMode.JOB, {})
    for change in (run_history.delete, run_history.restore):
        with pytest.raises(Missing), world.database.write() as session:
            change(session, run.id)


def test_pages_follow_one_another(world: World) -> None:
    ids = [world.run_id, *(ask(world, str(n), [("1", None)]) for n in range(4))]
    with world.database.read() as session:
        pages = [
            run_history.find_runs(session, RunFilter(), None, start=start, n=2)
            for start in (0, 2, 4)
        ]
    assert [n for _, n in pages] == [5, 5, 5]
    assert [run.id for rows, _ in pages for run, _ in rows] == ids[::-1]
    assert {name for rows, _ in pages for _, name in rows} == {"ann"}
