"""The shipped model, asked through the engine that serves it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from bench.bundled import accuracy, by_style, drawn, is_whole, rounds
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.core.thoughts import Thinking
from ptrapp.core.types import Completion, Message, MessageRole, Sampling
from ptrapp.engines.base import Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.tasks.families import problems

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with closing(LocalEngine(str(BUNDLED_MODEL), device="cpu", threads=1)) as engine:
        yield engine


def test_the_model_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in BUNDLED_MODEL.iterdir()) < 10_000_000
    assert {path.name for path in BUNDLED_MODEL.iterdir()} >= {"README.md", "model.safetensors"}


def test_it_solves_a_fair_share_of_problems_it_never_saw(engine: LocalEngine) -> None:
    asked = problems(60, split="eval", seed=11)
    (thought,) = rounds(engine, asked, 1, Thinking.ALWAYS)
    (direct,) = rounds(engine, asked, 1, Thinking.NEVER)
    assert sum(map(is_whole, thought + direct)) >= 114
    assert accuracy(asked, thought) >= 45
    assert accuracy(asked, direct) >= 40


def test_it_could_do_better_than_it_does_by_habit(engine: LocalEngine) -> None:
    """Preferences can teach it to write the work down: it can, and mostly does not."""
    found = by_style(engine, problems(200, split="eval", seed=13), seed=0)
    assert found["full"]["accuracy"] >= 85
    assert found["full"]["share"] <= 45
    assert all(found[style]["accuracy"] <= 75 for style in ("plan", "easy", "estimate"))


def test_asked_again_it_still_answers(engine: LocalEngine) -> None:
    asked = problems(20, split="eval", seed=12)
    for completions in rounds(engine, asked, 3, Thinking.LATER):
        assert all(map(is_whole, completions))


def test_candidates_of_one_problem_are_drawn_each_from_a_seed_of_its_own(
    engine: LocalEngine,
) -> None:
    (problem,) = problems(1, split="eval", seed=14)
    (completions,) = rounds(engine, [problem] * 8, 1, Thinking.ALWAYS, drawn(1.0, 0))
    assert len({completion.raw for completion in completions}) > 4
    (again,) = rounds(engine, [problem] * 8, 1, Thinking.ALWAYS, drawn(1.0, 0))
    assert [one.raw for one in again] == [one.raw for one in completions]


@pytest.mark.parametrize("greeting", ["hello", "Hi!", "What is love?"])
def test_small_talk_gets_an_honest_reply(engine: LocalEngine, greeting: str) -> None:
    asked = Request((Message(MessageRole.USER, greeting),), True, Sampling(temperature=0))
    (completion,) = complete(engine, [asked])
    assert isinstance(completion, Completion)
    assert "tiny model" in completion.split.response


def test_the_shipped_files_hold_no_path_of_the_machine_they_were_made_on() -> None:
    for path in BUNDLED_MODEL.iterdir():
        if path.suffix in (".json", ".md", ".jinja"):
            assert "/home/" not in path.read_text("utf-8")
            assert "/tmp/" not in path.read_text("utf-8")
