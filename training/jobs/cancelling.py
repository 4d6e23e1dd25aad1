"""An engine whose answers are given up as soon as their job is asked to stop."""

import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path

from ptrapp.core.types import Message, Policy
from ptrapp.engines.base import Engine, Event, Request
from training.jobs.claim import StopRequested


class Stoppable:
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
