"""The engine whose model is in a process of its own: what any engine does, and what follows."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_contract import EngineContract, ask

from ptrapp.core import errors
from ptrapp.core.errors import EngineError, EngineUnavailable, ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.types import Completion, Policy
from ptrapp.engines.base import Delta, Failed, complete
from ptrapp.engines.process import engine as module
from ptrapp.engines.process.child import NICENESS
from ptrapp.engines.process.engine import EngineProcess
from ptrapp.engines.process.link import Link


def silent(text: str, fraction: float | None = None) -> None:
    """Reports nothing."""


def settings_of(model: Path, data_dir: Path) -> Settings:
    return Settings(model=str(model), data_dir=data_dir, device="cpu", threads=1, weights="float32")


def children() -> set[int]:
    """Pids of this process's own: other tests' workers and engines may be among them."""
    return {child.pid for child in psutil.Process().children()}


@pytest.fixture(scope="module")
def start(
    random_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], EngineProcess]]:
    """Starts an engine, or hands out the one that is there: a start takes seconds of a core."""
    started: list[EngineProcess] = []

    def make() -> EngineProcess:
        if not started or started[-1].failure is not None:
            folder = tmp_path_factory.mktemp("data")
            started.append(EngineProcess(settings_of(random_model_dir, folder), silent))
        return started[-1]

    yield make
    for each in started:
        each.close()


@pytest.fixture
def engine(start: Callable[[], EngineProcess]) -> Iterator[EngineProcess]:
    opened = start()
    yield opened
    for name in opened.published():
        opened.retire(name)


class TestEngineProcess(EngineContract):
    """What every engine does."""


def test_it_stands_back_with_every_thread_once_its_model_is_there_and_not_before(
    random_model_dir: Path, tmp_path: Path
) -> None:
    own, before, while_loading = os.getpriority(os.PRIO_PROCESS, 0), children(), set[int]()

    def look(text: str, fraction: float | None = None) -> None:
        (started,) = children() - before
        while_loading.add(os.getpriority(os.PRIO_PROCESS, started))

    opened = EngineProcess(settings_of(random_model_dir, tmp_path), look)
    try:
        threads = [thread.id for thread in psutil.Process(opened.pid).threads()]
        later = {os.getpriority(os.PRIO_PROCESS, one) for one in threads}
    finally:
        opened.close()
    assert while_loading == {own}
    assert later == {own + NICENESS}


def test_it_ends_with_its_engine(engine: EngineProcess) -> None:
    process = psutil.Process(engine.pid)
    engine.close()
    process.wait(5)
    assert engine.failure
    with pytest.raises(EngineUnavailable):
        complete(engine, [ask("a")])


def test_one_that_is_killed_fails_what_is_open_and_is_replaced_with_its_versions(
    engine: EngineProcess, adapter: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (0.0,))
    engine.publish("taken over", adapter(1))
    before, killed = complete(engine, [ask("a", policy=Policy("taken over"))])[0], engine.pid
    events = engine.stream([ask("long", max_tokens=400)] * 2)
    next(events)
    os.kill(killed, signal.SIGKILL)
    ends = [event for event in events if not isinstance(event, Delta)]
    assert [type(end) for end in ends] == [Failed, Failed]
    assert "memory ran out" in str(ends[0].error)  # type: ignore[union-attr]
    wait_until(lambda: engine.failure is None)
    assert engine.pid != killed
    assert engine.published() == {"taken over"}
    (after,) = complete(engine, [ask("a", policy=Policy("taken over"))])
    assert isinstance(before, Completion)
    assert isinstance(after, Completion)
    assert after.raw == before.raw


def test_one_that_ends_again_while_versions_are_published_is_replaced_once(
    random_model_dir: Path,
    tmp_path: Path,
    adapter: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kills = [True]

    class Dying(Link):
        """Dies of the first version that it is given again."""

        def ask(self, method: str, *arguments: Any) -> Any:
            if kills and self.pid != first:
                kills.clear()
                os.kill(self.pid, signal.SIGKILL)
            return super().ask(method, *arguments)

    monkeypatch.setattr(module, "PAUSES_S", (0.0, 0.0))
    before = children()
    engine = EngineProcess(settings_of(random_model_dir, tmp_path), silent)
    first = engine.pid
    engine.publish("kept", adapter(1))
    monkeypatch.setattr(module, "Link", Dying)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not kills and engine.failure is None)
    complete(engine, [ask("a", policy=Policy("kept"))])
    assert children() - before == {engine.pid}
    engine.close()


def test_while_it_is_started_again_it_says_so(
    engine: EngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (60.0,))
    os.kill(engine.pid, signal.SIGKILL)
    wait_until(lambda: engine.failure is not None and "being started again" in engine.failure)
    with pytest.raises(EngineUnavailable):
        complete(engine, [ask("a")])
    engine.close()


def test_one_that_cannot_be_started_again_says_so(
    random_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (0.0, 0.0))
    model = tmp_path / "model"
    model.mkdir()
    for file in random_model_dir.iterdir():
        os.link(file, model / file.name)
    engine = EngineProcess(settings_of(model, tmp_path / "data"), silent)
    (model / "config.json").unlink()
    os.kill(engine.pid, signal.SIGKILL)
    wait_until(lambda: "could not be started again" in (engine.failure or ""))
    engine.close()


def test_a_model_that_cannot_be_loaded_is_refused_in_the_loaders_words(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    before = children()
    with pytest.raises(ModelUnusable, match="empty"):
        EngineProcess(settings_of(empty, tmp_path), silent)
    assert children() <= before


def test_loading_ends_when_whoever_waits_gives_up(random_model_dir: Path, tmp_path: Path) -> None:
    class GivenUp(Exception):
        pass

    def report(text: str, fraction: float | None = None) -> None:
        raise GivenUp

    before = children()
    with pytest.raises(GivenUp):
        EngineProcess(settings_of(random_model_dir, tmp_path), report)
    assert children() <= before


def test_a_stream_that_is_left_is_cancelled_there_too(engine: EngineProcess) -> None:
    events = engine.stream([ask("long", max_tokens=400)] * 3)
    next(events)
    events.close()
    busy = psutil.Process(engine.pid)
    wait_until(lambda: busy.cpu_percent(0.2) < 20)


def test_calls_from_many_threads_get_their_own_answers(engine: EngineProcess) -> None:
    outcomes: dict[int, Completion | EngineError] = {}

    def work(number: int) -> None:
        (outcomes[number],) = complete(engine, [ask(f"question {number}", temperature=0.0)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for number in range(0, 16, 5):
        (alone,) = complete(engine, [ask(f"question {number}", temperature=0.0)])
        together = outcomes[number]
        assert isinstance(alone, Completion)
        assert isinstance(together, Completion)
        assert alone.raw == together.raw


@pytest.mark.parametrize(
    "kind",
    [kind for kind in vars(errors).values()
     if isinstance(kind, type) and issubclass(kind, EngineError)],
)  # fmt: skip
def test_every_error_of_an_engine_crosses_the_connection(kind: type[EngineError]) -> None:
    crossed = pickle.loads(pickle.dumps(kind("It failed. Try again.")))
    assert type(crossed) is kind
    assert str(crossed) == "It failed. Try again."


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
