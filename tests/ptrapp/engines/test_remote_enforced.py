"""Servers are held to the thought format by a second request, which continues the first."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from engine_contract import ask
from server_double import EOS, Double
from test_remote import QUICK, answer

from ptrapp.core.thoughts import GENERIC
from ptrapp.core.types import FinishReason, ThoughtEnd
from ptrapp.engines.remote.engine import RemoteEngine

OPENING, CLOSING = GENERIC.opening, GENERIC.closing


@pytest.fixture
def double() -> Iterator[Double]:
    """Its model knows one format, TINY: asked in another it answers, and ends its turn."""
    started = Double()
    yield started
    started.stop()


@pytest.fixture
def open_engine(double: Double) -> Iterator[Callable[..., RemoteEngine]]:
    opened: list[RemoteEngine] = []

    def start(**options: Any) -> RemoteEngine:
        given = {"timeouts": QUICK, "thought_format": "generic", **options}
        opened.append(RemoteEngine(double.url, **given))
        double.forget()
        return opened[-1]

    yield start
    for engine in opened:
        engine.close()


def test_a_thought_that_ends_with_the_turn_is_continued_behind_the_marker(
    double: Double, open_engine: Callable[..., RemoteEngine]
) -> None:
    one = answer(open_engine(), ask("a", seed=1, max_tokens=30))
    first, second = double.asked
    assert first["messages"][-1] == {"role": "assistant", "content": OPENING}
    thought = first["messages"][-1]["content"]
    begun = second["messages"][-1]["content"]
    assert begun.startswith(thought + " The answer is")
    assert begun.endswith(CLOSING)
    assert second["continue_final_message"] is True
    assert (first["max_tokens"], second["max_tokens"]) == (60, 30)
    assert one.raw.startswith(begun)
    assert one.split.well_formed
    assert one.split.thought.startswith("The answer is")
    assert one.split.response.startswith("The answer is")
    assert one.thought_end is ThoughtEnd.TURN
    assert (one.n_thought_tokens, one.n_response_tokens) == (6, 6)
    assert 0 <= one.thought_s <= one.duration_s


def test_ids_without_what_was_put_in_are_left_out(
    open_engine: Callable[..., RemoteEngine],
) -> None:
    """Training reads the text instead, which has all of it."""
    one = answer(open_engine(), replace(ask("a", seed=1), logps=True))
    assert (one.token_ids, one.logps, one.logprob_sum) == ((), (), None)


def test_a_thought_that_used_its_budget_is_ended(
    double: Double, open_engine: Callable[..., RemoteEngine]
) -> None:
    request = ask("a", seed=1, max_tokens=2, max_thought_tokens=3)
    one = answer(open_engine(), request)
    assert len(double.asked) == 2
    assert one.split.thought == "The answer is"
    assert one.thought_end is ThoughtEnd.BUDGET
    assert one.split.response == "The answer"
    assert one.finish_reason is FinishReason.LENGTH


def test_what_breaks_off_in_the_second_request_is_asked_for_again(
    double: Double, open_engine: Callable[..., RemoteEngine]
) -> None:
    engine = open_engine()
    whole = answer(engine, ask("a", seed=1))
    double.tears = 1
    assert answer(engine, ask("a", seed=1)).raw == whole.raw


@pytest.mark.parametrize("can", [True, False])
def test_a_request_that_takes_it_as_it_comes_and_a_server_that_cannot_continue_take_one(
    can: bool, double: Double, open_engine: Callable[..., RemoteEngine]
) -> None:
    double.prefills = can
    request = ask("a", seed=1)
    one = answer(open_engine(), replace(request, enforce=False) if can else request)
    assert len(double.asked) == 1
    assert not one.split.well_formed
    assert one.thought_end is ThoughtEnd.TURN


def test_an_answer_that_ends_before_it_begins_is_asked_for_once_more(
    double: Double, open_engine: Callable[..., RemoteEngine]
) -> None:
    engine = open_engine()
    double.empty = 1
    one = answer(engine, ask("a", seed=1, thinking=False))
    first, second = double.asked
    assert "min_tokens" not in first
    assert second["min_tokens"] == 1
    assert one.asked_again
    assert one.split.response

    double.forget()
    double.empty = 2
    silent = answer(engine, ask("a", seed=1, thinking=False))
    assert silent.asked_again
    assert (silent.split.response, silent.token_ids) == ("", (EOS,))
    assert len(double.asked) == 2
