"""Servers are held to the thought format by a second request, which continues the first."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import server_double
from engine_contract import ask
from server_double import EOS, Double
from test_remote import QUICK, answer

from ptrapp.core.thoughts import GENERIC
from ptrapp.core.types import FinishReason, ThoughtEnd
from ptrapp.engines.base import Delta, Failed
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


@pytest.fixture
def llama_cpp(double: Double, open_engine: Callable[..., RemoteEngine]) -> RemoteEngine:
    double.is_llama_cpp = True
    return open_engine()


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


@pytest.mark.parametrize("thinking", [True, False])
def test_without_a_barred_token_one_is_asked_for_and_continued(
    thinking: bool, double: Double, llama_cpp: RemoteEngine
) -> None:
    """As SmolLM2 in llama.cpp, which ended its turn behind "Here is my response:"."""
    request = ask("a", seed=1, thinking=thinking, max_tokens=4)
    if thinking:
        answers = iter([0, 1])
        double.spend = lambda name: name == "empty" and bool(next(answers, 0))  # type: ignore[method-assign]
    else:
        double.empty = 1
    one = answer(llama_cpp, request)
    barred, last = double.asked[-2:]
    assert (barred["ignore_eos"], barred["max_tokens"]) == (True, 1)
    assert "ignore_eos" not in last
    begun = last["messages"][-1]
    assert begun["role"] == "assistant"
    assert begun["content"].endswith(f"{CLOSING} The" if thinking else " The")
    assert (last["max_tokens"], one.n_response_tokens) == (3, 4)
    assert one.raw == begun["content"] + " The answer is"
    assert one.asked_again
    assert one.split.well_formed


def test_a_server_that_bars_nothing_leaves_the_answer_empty(
    double: Double, llama_cpp: RemoteEngine
) -> None:
    double.empty = 2
    one = answer(llama_cpp, ask("a", seed=1, thinking=False))
    assert (one.split.response, one.asked_again, len(double.asked)) == ("", False, 2)


def test_an_answer_that_ends_behind_the_models_own_marker_is_begun_there(
    double: Double, open_engine: Callable[..., RemoteEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The double writes TINY's marker itself; of its answer nothing is left the first time."""
    double.is_llama_cpp = True
    engine = open_engine(thought_format="tiny")
    words, seen = server_double._words, []

    def silent_at_first(body: dict[str, Any], seed: int | None, thinking: bool) -> list[str]:
        seen.append(body)
        if len(seen) == 1:
            return [*words(body, seed, thinking)[:3], "<R>"]
        return [" It", " is", " four."]

    monkeypatch.setattr(server_double, "_words", silent_at_first)
    one = answer(engine, ask("a", seed=1, max_tokens=9))
    first, barred, last = (body["messages"][-1]["content"] for body in double.asked)
    assert barred.startswith(first)
    assert barred.endswith("<R>"), "not a second thought"
    assert last == barred + " It"
    assert one.raw == last + " It is four."
    assert one.thought_end is ThoughtEnd.MODEL
    assert (one.n_thought_tokens, one.n_response_tokens) == (4, 5)


def test_a_request_that_is_cancelled_meanwhile_does_not_end_as_an_empty_answer(
    double: Double, llama_cpp: RemoteEngine
) -> None:
    double.empty = 1
    events = llama_cpp.stream([ask("a", seed=1, thinking=False)])
    spend = double.spend

    def hangs_at_the_one_token(name: str) -> bool:
        if name == "mute" and len(double.asked) == 2:
            threading.Thread(target=llama_cpp.close).start()
            return True
        return spend(name)

    double.spend = hangs_at_the_one_token  # type: ignore[method-assign]
    ends = [event for event in events if not isinstance(event, Delta)]
    assert [type(event) for event in ends] == [Failed]
