"""The app's engine: pages are there before its model is, and one model takes another's place."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_contract import EngineContract, ask

from ptrapp.core.errors import EngineUnavailable, ModelUnusable
from ptrapp.core.types import BASE, Completion
from ptrapp.engines import replaceable
from ptrapp.engines.base import complete
from ptrapp.engines.replaceable import ReplaceableEngine
from ptrapp.engines.scripted import ScriptedEngine

WAIT_S = 10.0
ANSWER = "<T> two and two " + "is four " * 100 + "<R> The answer is 4."


def nothing() -> None: ...


def loaded(engine: ReplaceableEngine, model: str, release: Callable[[], None] = nothing) -> None:
    """Loads a model and waits until it answers, or was refused."""
    engine.load(model, release=release, prepare=nothing)
    assert engine._thread is not None
    engine._thread.join(WAIT_S)


def scripted(name: str, _: Any = None) -> ScriptedEngine:
    engine = ScriptedEngine(lambda request: f"<R> from {name}")
    engine.model_id = name
    return engine


def said(engine: ReplaceableEngine) -> str:
    (outcome,) = complete(engine, [ask("a", thinking=False)])
    assert isinstance(outcome, Completion)
    return outcome.split.response


class TestReplaceableEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> ReplaceableEngine:
        engine = ReplaceableEngine(lambda model, report: ScriptedEngine(lambda request: ANSWER))
        loaded(engine, "one")
        return engine

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Callable[[int], Path]:
        def make(number: int) -> Path:
            folder = tmp_path / f"adapter-{number}"
            folder.mkdir(exist_ok=True)
            (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
            return folder

        return make


def test_until_its_model_is_there_it_says_how_far_it_is() -> None:
    told, may_end = threading.Event(), threading.Event()

    def slow(model: str, report: Any) -> ScriptedEngine:
        report("Fetching it, 93 MB", 0.43)
        told.set()
        assert may_end.wait(WAIT_S)
        return scripted(model)

    engine = ReplaceableEngine(slow)
    engine.load("smollm2", release=nothing, prepare=nothing)
    assert told.wait(WAIT_S)
    assert engine.failure is not None
    assert (
        "The model smollm2 is being loaded, 0 s so far (Fetching it, 93 MB: 43%)." in engine.failure
    )
    for use in (
        lambda: list(engine.stream([ask("a")])),
        lambda: engine.count_prompt_tokens(ask("a").messages, True),
        lambda: engine.pin(BASE).__enter__(),
        lambda: engine.publish("v1", Path("v1")),
        lambda: engine.model_id,
    ):
        with pytest.raises(EngineUnavailable, match="smollm2 is being loaded"):
            use()
    with pytest.raises(EngineUnavailable, match="Wait until it is there"):
        engine.load("another", release=nothing, prepare=nothing)
    assert engine.published() == frozenset()
    may_end.set()
    assert engine._thread is not None
    engine._thread.join(WAIT_S)
    assert engine.failure is None
    assert said(engine) == "from smollm2"
    engine.close()


def test_one_model_takes_the_place_of_another_which_is_closed() -> None:
    opened: list[ScriptedEngine] = []

    def open_one(model: str, report: Any) -> ScriptedEngine:
        opened.append(scripted(model))
        return opened[-1]

    engine = ReplaceableEngine(open_one)
    loaded(engine, "one")
    loaded(engine, "two")
    assert (engine.model_id, said(engine)) == ("two", "from two")
    with pytest.raises(EngineUnavailable):
        list(opened[0].stream([ask("a")]))


def test_a_model_that_cannot_be_loaded_changes_nothing_and_says_why() -> None:
    def some(model: str, report: Any) -> ScriptedEngine:
        if model == "broken":
            raise ModelUnusable("The weights are incomplete.")
        return scripted(model)

    engine = ReplaceableEngine(some)
    loaded(engine, "one")
    loaded(engine, "broken")
    assert (said(engine), engine.failure) == ("from one", None)
    assert engine.refusal == "broken was not loaded: The weights are incomplete."
    loaded(engine, "two")
    assert engine.refusal == ""


def test_the_first_model_that_cannot_be_loaded_is_handed_to_whoever_started_it() -> None:
    def broken(model: str, report: Any) -> ScriptedEngine:
        raise ModelUnusable("No.")

    failures: list[Exception] = []
    engine = ReplaceableEngine(broken)
    engine.load("one", release=nothing, prepare=nothing, failed=failures.append)
    assert engine._thread is not None
    engine._thread.join(WAIT_S)
    assert [type(error) for error in failures] == [ModelUnusable]
    assert engine.failure == "one was not loaded: No."


def test_a_run_keeps_its_model_to_its_end_and_nothing_begins_meanwhile() -> None:
    engine = ReplaceableEngine(scripted)
    loaded(engine, "one")
    released, ended = threading.Event(), threading.Event()
    pin = engine.pin(BASE)
    pin.__enter__()
    engine.load("two", release=released.set, prepare=ended.set)
    assert released.wait(WAIT_S)
    assert said(engine) == "from one"
    with pytest.raises(EngineUnavailable, match="Try again"):
        engine.pin(BASE).__enter__()
    assert not ended.is_set()
    pin.__exit__(None, None, None)
    assert ended.wait(WAIT_S)
    assert engine._thread is not None
    engine._thread.join(WAIT_S)
    assert said(engine) == "from two"


def test_a_run_that_does_not_end_keeps_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaceable, "PATIENCE_S", 0.05)
    engine = ReplaceableEngine(scripted)
    loaded(engine, "one")
    with engine.pin(BASE):
        loaded(engine, "two")
        assert "did not end" in engine.refusal
    assert said(engine) == "from one"


def test_what_is_served_is_prepared_before_anybody_asks(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    engine = ReplaceableEngine(scripted)
    seen: list[str | None] = []

    def prepare() -> None:
        seen.append(engine.failure)
        engine.publish("v1", tmp_path)
        with pytest.raises(EngineUnavailable):
            list(engine.stream([ask("a")]))

    engine.load("one", release=nothing, prepare=prepare)
    assert engine._thread is not None
    engine._thread.join(WAIT_S)
    assert seen[0] is not None
    assert engine.refusal == ""
    assert engine.published() == {"v1"}


def test_an_app_that_ends_does_not_wait_for_a_download() -> None:
    begun = threading.Event()

    def endless(model: str, report: Any) -> ScriptedEngine:
        while True:
            begun.set()
            report("Fetching", 0.1)
            threading.Event().wait(0.01)

    engine = ReplaceableEngine(endless)
    failures: list[Exception] = []
    engine.load("one", release=nothing, prepare=nothing, failed=failures.append)
    assert begun.wait(WAIT_S)
    engine.close()
    assert engine._thread is not None
    assert not engine._thread.is_alive()
    assert failures == []
