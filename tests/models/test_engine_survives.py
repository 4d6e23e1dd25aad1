"""The model thread outlives whatever a step raises, and the policy alone is sampled."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from troublesome import write_model

from ptrapp.core.errors import EngineUnavailable, MessagesRefused
from ptrapp.core.types import Completion, Message, MessageRole, Policy, Sampling
from ptrapp.engines.base import Priority, Request, complete
from ptrapp.engines.local.engine import LocalEngine
from ptrapp.evaluation.answers import scored
from ptrapp.tasks.datasets import Question
from training.ptr.trajectories import failed

pytestmark = pytest.mark.training


def ask(text: str = "hi", priority: Priority = Priority.PERSON, **sampling: object) -> Request:
    messages = (Message(MessageRole.USER, text),)
    settings = {"max_tokens": 24, "temperature": 0.0} | sampling
    return Request(messages, False, Sampling(**settings), Policy(), priority, logps=True)  # type: ignore[arg-type]


@pytest.fixture
def engine(model_of: Callable[[str], str]) -> Iterator[LocalEngine]:
    opened = LocalEngine(model_of("chatml"), device="cpu", threads=1)
    yield opened
    opened.close()


@pytest.mark.parametrize("error", [IndexError("index out of range in self"), KeyError("x")])
def test_any_error_of_a_step_fails_its_requests_in_words_and_the_next_is_answered(
    error: Exception, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(type(engine._model_thread._context.forward), "__call__", broken)
        outcomes = complete(engine, [ask("one"), ask("two")])
    assert all(isinstance(outcome, EngineUnavailable) for outcome in outcomes)
    assert type(error).__name__ in str(outcomes[0])
    assert isinstance(complete(engine, [ask("three")])[0], Completion)
    assert engine.failure is None


def test_an_engine_that_ended_says_why_to_everybody(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise LookupError("no such batch")

    monkeypatch.setattr(engine._model_thread._scheduler, "cycle", broken)
    (outcome,) = complete(engine, [ask()])
    assert "LookupError: no such batch" in str(outcome)
    assert "no such batch" in str(engine.failure)
    with pytest.raises(EngineUnavailable, match="no such batch"):
        next(iter(engine.stream([ask()])))


def test_processors_of_the_generation_config_change_neither_text_nor_log_probabilities(
    tmp_path: Path,
) -> None:
    bothering = {
        "no_repeat_ngram_size": 2, "suppress_tokens": [5, 6, 7], "repetition_penalty": 1.8,
        "min_new_tokens": 10, "temperature": 0.2, "top_k": 3, "do_sample": True,
    }  # fmt: skip
    texts, sums = [], []
    for name, generation in (("plain", {}), ("bothered", bothering)):
        folder = write_model(
            tmp_path / name, "chatml", generation=generation, architecture="mistral",
            sliding_window=16,
        )  # fmt: skip
        engine = LocalEngine(str(folder), device="cpu", threads=1)
        assert not engine._loaded.batched
        written = complete(engine, [ask("one"), ask("two", temperature=1.0, seed=3)])
        engine.close()
        texts.append([one.token_ids for one in written if isinstance(one, Completion)])
        sums.append([one.logps for one in written if isinstance(one, Completion)])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2
    assert sums[0] == sums[1]


def test_a_conversation_that_the_template_refuses_fails_alone(
    model_of: Callable[[str], str],
) -> None:
    engine = LocalEngine(model_of("gemma"), device="cpu", threads=1)
    twice = replace(ask(), messages=ask().messages * 2)
    refused, answered = complete(engine, [twice, ask()])
    engine.close()
    assert isinstance(refused, MessagesRefused)
    assert "must alternate" in str(refused)
    assert isinstance(answered, Completion)
    assert scored(refused, Question("hi", "2", "test")).failed
    assert failed(refused, "attempt") == "attempt refused by the chat template"
