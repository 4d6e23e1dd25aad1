"""Lets trainers take turns: each in a process of its own, one optimiser step at each request.

So a machine that is busy for a while slows both sides alike, and each keeps its own memory. The
parent requests each side's next step and receives its cost.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from transformers import TrainerCallback

from bench.training.data import Settings, Task

TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 36),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""glibc keeps freed memory and reuses it, instead of getting new pages from the kernel."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # CUDA must not be started before the fork
    "PYTHONWARNINGS": "ignore",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
MB = 1 << 20
FORKED = get_context("forkserver")
"""Forks from a process that has imported everything and was started with tuned malloc."""
FRESH = get_context("spawn")
"""New processes that import for themselves, with the default malloc."""


def prepare(*modules: str) -> None:
    """Sets what every side inherits and names its modules. Call it before the first side starts."""
    os.environ.update(QUIET)
    FORKED.set_forkserver_preload(list(modules))


@dataclass(eq=False)
class Side:
    """The parent's end of one trainer: a process, and the facts it sent."""

    run: Callable[[Connection, Task, Settings], None]
    """What the process does, on the other end of the connection."""
    task: Task
    settings: Settings
    tuned_malloc: bool = True
    costs_s: list[float] = field(default_factory=list)
    """Cost of each step, the warm-up first; CPU time, or wall time on a GPU."""
    facts: dict[str, Any] = field(default_factory=dict)
    """`reference_s` and `noted`, and at the end `peak_extra_mb`."""

    def __enter__(self) -> Self:
        self._ours, theirs = FRESH.Pipe()
        malloc = TUNED_MALLOC if self.tuned_malloc else {}
        threads = ONE_THREAD if self.task.device == "cpu" else {}
        arguments = (theirs, self.task, self.settings)
        process: BaseProcess
        with _environment(malloc | threads):
            if self.tuned_malloc:
                process = FORKED.Process(target=self.run, args=arguments)
            else:
                process = FRESH.Process(target=self.run, args=arguments)
            process.start()
        self._process = process
        theirs.close()
        return self

    def prepare(self) -> None:
        """Lets the side do all that comes before the first step, once its model is loaded."""
        self._read()
        self._resume()
        self.facts |= self._read()

    def step(self) -> None:
        """Lets the side make its next step."""
        self._resume()
        facts = self._read()
        self.costs_s.append(facts.pop("cost_s"))
        self.facts |= facts

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._ours.close()
        if kind is not None:
            self._process.kill()
        self._process.join()

    def _resume(self) -> None:
        self._ours.send("go")

    def _read(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = self._ours.recv()
        except EOFError as error:
            raise RuntimeError(
                f"The trainer {dict(self.settings)} ended; see its output above."
            ) from error
        return facts


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Turns(TrainerCallback):
    """The trainer's end: a callback that lets a `transformers.Trainer` wait between its steps.

    A cost runs from the parent's request to the end of the step, with the making of the batch and
    the logging of the step before.
    """

    def __init__(self, parent: Connection, task: Task) -> None:
        self._parent = parent
        self._task = task
        self.reference_s = 0.0
        """Cost of the reference of all steps, before the first one."""
        self.noted: dict[str, Any] = {}
        """What else the trainer says of itself."""
        self._resident = 0
        self._started = 0.0
        self._n_done = 0

    def loaded(self) -> None:
        """Waits for the first turn; memory counts from here, when only the model is loaded."""
        self._send({})
        self._wait()
        if self._task.device == "cpu":
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            self._resident = _status("VmRSS")
        else:
            torch.cuda.reset_peak_memory_stats()
            self._resident = torch.cuda.memory_allocated()

    def measure(self, work: Callable[[], Any]) -> tuple[Any, float]:
        """Returns what `work` returns, and its cost in seconds."""
        started = self._clock()
        result = work()
        return result, self._clock() - started

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._send({"reference_s": self.reference_s, "noted": self.noted})
        self._wait()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        cost_s = self._clock() - self._started
        self._n_done += 1
        self._send({"cost_s": cost_s, "peak_extra_mb": self._peak_extra() / MB})
        if self._n_done < self._task.n_steps:
            self._wait()

    def _send(self, facts: Mapping[str, Any]) -> None:
        self._parent.send(dict(facts))

    def _wait(self) -> None:
        try:
            self._parent.recv()
        except EOFError:
            raise SystemExit("the parent is gone") from None
        self._started = self._clock()

    def _clock(self) -> float:
        if self._task.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def _peak_extra(self) -> int:
        if self._task.device == "cpu":
            return _status("VmHWM") - self._resident
        return torch.cuda.max_memory_allocated() - self._resident


def _status(name: str) -> int:
    """Returns the bytes that the kernel counts under this name for our process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}; the bench measures memory on Linux.")
