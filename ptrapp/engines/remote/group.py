"""Runs the candidates of one call, each in a thread, and merges their events in one queue."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue

from ptrapp.core.errors import EngineError, EngineUnavailable
from ptrapp.core.types import Split
from ptrapp.engines.base import Delta, Event, Failed, Finished, Request
from ptrapp.engines.remote.call import Call
from ptrapp.engines.remote.generator import CompletionGenerator

MAX_CONCURRENT = 64
"""Concurrent requests of one call; the server batches them or queues them itself."""


class CandidateGroup:
    """Answers `requests`; a candidate's failure does not affect the others."""

    def __init__(self, generator: CompletionGenerator, requests: Sequence[Request]):
        self._generator = generator
        self._requests = requests
        self._calls = [Call() for _ in requests]
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._todo: SimpleQueue[int] = SimpleQueue()
        self._started = time.monotonic()

    def events(self) -> Iterator[Event]:
        """Starts the requests and yields their events until all have ended."""
        for index in range(len(self._requests)):
            self._todo.put(index)
        for number in range(min(len(self._requests), MAX_CONCURRENT)):
            threading.Thread(target=self._work, name=f"candidate-{number}", daemon=True).start()
        n_open = len(self._requests)
        while n_open:
            event = self._next()
            if event is not None:
                n_open -= not isinstance(event, Delta)
                yield event

    def cancel(self, reason: EngineError) -> None:
        """Ends all requests, started or not; each of them fails with `reason`."""
        for call in self._calls:
            call.cancel(reason)

    def _next(self) -> Event | None:
        idle_s = self._generator.drawing.timeouts.idle_s
        try:
            return self._events.get(timeout=min(1.0, idle_s / 2))
        except Empty:
            for call in self._calls:
                call.cancel_if_idle(idle_s)
            return None

    def _work(self) -> None:
        while True:
            try:
                index = self._todo.get_nowait()
            except Empty:
                return
            end: Event = Failed(index, EngineUnavailable(_UNEXPECTED))
            try:
                end = self._answer(index)
            finally:
                self._events.put(end)

    def _answer(self, index: int) -> Event:
        request, pins = self._requests[index], self._generator.drawing.adapters.pins

        def show(parts: Split, n_tokens: int) -> None:
            self._events.put(Delta(index, parts, n_tokens, time.monotonic() - self._started))

        try:
            pins.hold(request.policy)
            try:
                return Finished(index, self._generator.generate(request, self._calls[index], show))
            finally:
                pins.release(request.policy)
        except EngineError as error:
            logging.getLogger(__name__).debug("request %d failed: %s", index, error)
            return Failed(index, error)


_UNEXPECTED = "The request ended unexpectedly; the log says why."
