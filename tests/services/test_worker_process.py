"""A worker that dies is started again, later each time; what it said last is told in words."""

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from ptrapp.core.settings import Settings
from ptrapp.services.worker_process import WorkerSupervisor

COUNTING = """
import pathlib, sys, time
file = pathlib.Path(sys.argv[1])
with file.open("a", encoding="utf-8") as starts:
    starts.write(f"{time.monotonic()}\\n")
"""
DYING = COUNTING + 'sys.exit("no room for the model")'
KILLED = COUNTING + "import os; os.kill(os.getpid(), 9)"
LIVING = COUNTING + "time.sleep(60)"


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., WorkerSupervisor]]:
    kept: list[WorkerSupervisor] = []

    def start(program: str, **times: float) -> WorkerSupervisor:
        command = [sys.executable, "-c", program, str(tmp_path / "starts")]
        kept.append(WorkerSupervisor(Settings(data_dir=tmp_path), command=command, **times))
        kept[-1].start()
        return kept[-1]

    yield start
    for one in kept:
        one.stop()


@pytest.fixture
def starts(tmp_path: Path) -> Callable[[int], list[float]]:
    """Waits for so many starts; returns their times."""

    def wait(n: int) -> list[float]:
        file = tmp_path / "starts"
        _wait_until(lambda: file.exists() and file.read_text(encoding="utf-8").count("\n") >= n)
        return [float(line) for line in file.read_text(encoding="utf-8").splitlines()]

    return wait


def _wait_until(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_it_is_started_again_after_pauses_that_double(
    supervise: Callable[..., WorkerSupervisor], starts: Callable[[int], list[float]]
) -> None:
    supervise(DYING, first_pause_s=0.1, longest_pause_s=0.4)
    times = starts(5)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    for pause, least in zip(pauses, (0.1, 0.2, 0.4, 0.4), strict=False):
        assert pause >= least


def test_it_shares_the_session_and_not_the_process_group_of_the_app(
    supervise: Callable[..., WorkerSupervisor], starts: Callable[[int], list[float]]
) -> None:
    """Where the scheduler groups by session, a training's niceness counts inside its own alone."""
    supervise(LIVING)
    starts(1)
    (worker,) = [one for one in psutil.Process().children() if LIVING in one.cmdline()]
    assert os.getsid(worker.pid) == os.getsid(0)
    assert os.getpgid(worker.pid) == worker.pid, "Ctrl-C in the terminal reaches the app alone"


def test_it_is_started_again_though_nobody_reads_what_the_app_says(
    supervise: Callable[..., WorkerSupervisor],
    starts: Callable[[int], list[float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    worker = supervise(DYING, first_pause_s=0.001)
    starts(4)
    _wait_until(lambda: "no room for the model" in worker.trouble())


def test_many_deaths_are_told_with_the_last_words(
    supervise: Callable[..., WorkerSupervisor], starts: Callable[[int], list[float]]
) -> None:
    worker = supervise(DYING, first_pause_s=0.001)
    starts(4)
    _wait_until(lambda: "times" in worker.trouble())
    said = worker.trouble()
    assert "(status 1, its last words: no room for the model)" in said
    assert "no job is done" in said


def test_a_killed_one_is_told_until_the_next_is_there(
    supervise: Callable[..., WorkerSupervisor],
) -> None:
    worker = supervise(KILLED, first_pause_s=30)
    _wait_until(worker.trouble)
    assert worker.trouble().startswith(
        "The training worker ended (SIGKILL, its last words: it wrote nothing). It is started"
    )


def test_one_that_lived_long_enough_starts_counting_anew(
    supervise: Callable[..., WorkerSupervisor], starts: Callable[[int], list[float]]
) -> None:
    worker = supervise(DYING, first_pause_s=0.001, steady_s=0)
    starts(6)
    assert "times" not in worker.trouble()


def test_a_living_worker_is_no_trouble_and_ends_with_us(
    supervise: Callable[..., WorkerSupervisor], starts: Callable[[int], list[float]]
) -> None:
    worker = supervise(LIVING, first_pause_s=0.001)
    starts(1)
    assert worker.trouble() == ""
    worker.stop()
    time.sleep(0.1)
    assert len(starts(1)) == 1, "an end that was asked for is no death"
    assert worker.trouble() == ""
