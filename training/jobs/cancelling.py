"""Cancelling a job at once: an engine whose answers are given up, a wait that can be left."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TypeVar

from ptrapp.core.types import Message, Policy
from ptrapp.engines.base import Engine, Event, Request
from training.jobs.claim import Claim, StopRequested


class CancellableEngine:
    """Passes everything on; a stream raises `StopRequested` at the first event after the signal.

    What was being written is cancelled on the engine, so a job ends within a few tokens.
    """

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine = engine
        self._stop = stop
        self.model_id = engine.model_id
        self.context_length = engine.context_length
        self.thought_format = engine.thought_format
        self.about = engine.about

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        with closing(self._engine.stream(requests)) as events:
            for event in events:
                if self._stop.is_set():
                    raise StopRequested
                yield event

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int:
        return self._engine.count_prompt_tokens(messages, thinking)

    def publish(self, name: str, path: Path) -> None:
        self._engine.publish(name, path)

    def retire(self, name: str) -> None:
        self._engine.retire(name)

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        return self._engine.pin(policy)

    def published(self) -> frozenset[str]:
        return self._engine.published()

    def close(self) -> None:
        self._engine.close()


LOOK_S = 0.2
"""Seconds between two looks at whether the job shall end."""

T = TypeVar("T")


class CancellableWait:
    """Waits for one piece of work at a time, in a thread of its own."""

    def __init__(self, claim: Claim, pool: ThreadPoolExecutor) -> None:
        self._claim = claim
        self._pool = pool

    def await_(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Raises `StopRequested` and leaves it to itself."""
        doing = self._pool.submit(work)
        while not doing.done():
            if self._claim.stop.is_set():
                raise StopRequested
            wait([doing], LOOK_S)
        return doing.result()


@contextmanager
def cancellable_wait(claim: Claim) -> Iterator[CancellableWait]:
    """A thread to wait for; what it has not finished at the end is not waited for."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="judge")
    try:
        yield CancellableWait(claim, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
