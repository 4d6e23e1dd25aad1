"""Scored candidates to pairs: unscored ones take no part, malformed ones rank below the others."""

from typing import Any

import pytest
from training_world import add_round, start_run

from db.models import Round, Run
from db.storage.session import Database
from ptrapp.core.errors import NothingToLearn
from ptrapp.core.thoughts import TINY
from ptrapp.recipes.tpo import TpoConfig
from training.tpo.pairs import Paired, pair


@pytest.fixture
def run(database: Database) -> Run:
    """One prompt with candidates a, b and c, the last of which is malformed, and two copies of b."""
    with database.write() as session:
        run_id = start_run(session, "Say a.", system="Be brief.")
        raws = ("<T> one<R> a", "<T> two<R> bb", "<T> three", "<T> four<R> bb", "<T> five<R> bb")
        for place, raw in enumerate(raws):
            finish = "length" if place == 2 else "stop"
            add_round(session, run_id, raw, candidate=place, ids=[5, place], finish=finish)
    with database.read() as session:
        found = session.get_one(Run, run_id)
        assert [each.prompt.text for each in found.rounds] == ["Say a."] * 5
        return found


def paired(run: Run, scores: list[float | None], **settings: Any) -> Paired:
    config = TpoConfig(**({"rho": 0.0, "most_malformed": 0.9} | settings))
    values = {
        round_.id: score
        for round_, score in zip(run.rounds, scores, strict=True)
        if score is not None
    }
    return pair(config, [run] * 10, values, TINY)


def rejected(found: Paired) -> set[str]:
    return {example.rejected.raw for example in found.examples}


def test_best_against_worst_on_the_messages_that_were_sampled(run: Run) -> None:
    found = paired(run, [3.0, 2.0, None, 1.0, 2.0], most_malformed=0.0)

    example = found.examples[0]
    assert [message.content for message in example.messages] == ["Be brief.", "Say a."]
    assert example.thinking
    assert example.chosen.raw == "<T> one<R> a"
    assert example.chosen.completion_ids == (5, 0)
    assert example.chosen.finished
    assert rejected(found) == {"<T> four<R> bb"}


def test_a_candidate_without_a_score_takes_no_part(run: Run) -> None:
    found = paired(run, [3.0, 2.0, None, None, 2.5], most_malformed=0.0)

    assert rejected(found) == {"<T> two<R> bb"}


def test_a_candidate_that_was_stopped_takes_no_part_well_formed_or_not(run: Run) -> None:
    for stopped in (run.rounds[2], run.rounds[3]):
        stopped.finish_reason = "cancelled"
    found = paired(run, [3.0, 2.0, None, 1.0, 2.5])

    assert rejected(found) == {"<T> two<R> bb"}


def test_a_malformed_candidate_is_worse_than_all_and_its_text_was_cut(run: Run) -> None:
    values = {round_.id: 1.0 for round_ in run.rounds if round_.well_formed}
    sound = _sound(run)  # allows for one malformed beside it
    found = pair(
        TpoConfig(rho=0.0, most_malformed=0.5),
        [run, sound],
        values | {10: 2.0, 11: 1.0},
        TINY,
    )

    assert found.pairing.n_malformed == 1
    (malformed,) = (e.rejected for e in found.examples if e.rejected.raw == "<T> three")
    assert not malformed.finished


def test_scored_alike_is_no_pair(run: Run) -> None:
    with pytest.raises(NothingToLearn, match="10 × only malformed candidates are worse"):
        paired(run, [1.0, 1.0, None, 1.0, 1.0], most_malformed=0.0)


def test_a_prompt_the_judge_said_nothing_of_is_no_pair(run: Run) -> None:
    with pytest.raises(NothingToLearn, match="10 × no candidate is scored"):
        paired(run, [None] * 5)


def _sound(run: Run) -> Run:
    """The same prompt as if it had been sampled again, with its well-formed candidates alone."""
    again = Run(id=run.id + 1, prompt=run.prompt)
    for place, (at, raw) in enumerate(((10, "<T> x<R> a"), (11, "<T> y<R> b"))):
        again.rounds.append(
            Round(
                id=at, index=0, candidate=place, raw=raw, response=raw[-1], thought="x",
                prompt=run.prompt,
                thinking=True, well_formed=True, completion_ids=[at], finish_reason="stop",
            )
        )  # fmt: skip
    return again
