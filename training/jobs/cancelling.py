"""Stops the blocking work of a job: an engine's streams and a judge's calls."""

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
    """Wraps an engine; its streams raise `StopRequested` at the first event after the stop signal.

    The engine cancels what it was generating, so a job ends within a few tokens.
    """

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine = engine
        self._stop = stop
        self.model_id = engine.model_id
        self.context_length = engine.context_length
        self.thought_format = engine.thought_format
        self.about = engine.about

    @property
    def failure(self) -> str | None:
        return self._engine.failure

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


POLL_S = 0.2
"""Seconds between two checks of the stop flag."""

T = TypeVar("T")


class CancellableWait:
    """Runs one piece of work at a time in a thread that a stop does not wait for."""

    def __init__(self, claim: Claim, pool: ThreadPoolExecutor) -> None:
        self._claim = claim
        self._pool = pool

    def run(self, work: Callable[[], T]) -> T:
        """Returns what `work` returns, or raises its error.

        Raises `StopRequested` at a stop; the work then goes on unattended and its result is lost.
        """
        future = self._pool.submit(work)
        while not future.done():
            if self._claim.stop.is_set():
                raise StopRequested
            wait([future], POLL_S)
        return future.result()


@contextmanager
def cancellable_wait(claim: Claim) -> Iterator[CancellableWait]:
    """Yields a `CancellableWait`; work that is unfinished at the end is not waited for."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="judge")
    try:
        yield CancellableWait(claim, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
