"""What one answer shows about a model's thought format."""

from dataclasses import replace

import pytest

from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.thoughts import GENERIC, SPECIFIC, TINY, ThoughtFormat
from ptrapp.engines.following import in_words, with_followed
from ptrapp.engines.scripted import ScriptedEngine

FOLLOWS = "Here is my thought process: four times three. Here is my response: 12 euros."


@pytest.mark.parametrize(
    ("fmt", "text", "followed"),
    [
        (GENERIC, FOLLOWS, True),
        (GENERIC, "Four pens cost 12 euros.", False),
        (GENERIC, "Here is my thought process: " + "pens " * 300, False),
        (GENERIC, "", False),
        (SPECIFIC, "A draft: 12. It is right. <R> 12 euros.", True),
        (SPECIFIC, "word " * 300, False),
    ],
)
def test_a_model_follows_when_it_opens_and_ends_a_thought(
    fmt: ThoughtFormat, text: str, followed: bool
) -> None:
    engine = ScriptedEngine(lambda request: text, thought_format=fmt)
    assert with_followed(engine).followed is followed
    assert all(request.enforce is False for request in engine.requests)
    assert len(engine.requests) <= 2


def test_a_model_that_does_not_open_a_thought_is_found_out_by_a_few_tokens() -> None:
    engine = ScriptedEngine(lambda request: "word " * 300, thought_format=GENERIC)
    with_followed(engine)
    (asked,) = engine.requests
    assert asked.sampling.max_thought_tokens == 16


def test_a_format_of_the_template_is_not_asked_about() -> None:
    engine = ScriptedEngine(lambda request: "", thought_format=TINY)
    assert with_followed(engine) is TINY
    assert engine.requests == []


def test_what_fails_shows_nothing() -> None:
    engine = ScriptedEngine(
        lambda request: FOLLOWS,
        thought_format=GENERIC,
        failures={0: EngineUnavailable("It is gone.")},
    )
    fmt = with_followed(engine)
    assert fmt.followed is None
    assert in_words(fmt) == ()


def test_it_is_said_in_words() -> None:
    held, free = (in_words(replace(GENERIC, followed=one)) for one in (False, True))
    assert "opened and ended for it" in held[0]
    assert "by itself" in free[0]
