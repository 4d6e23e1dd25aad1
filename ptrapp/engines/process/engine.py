"""The embedded engine as the app has it: its model is in a process that is replaced if it ends."""

import itertools
import logging
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path

from ptrapp.core.errors import EngineError, EngineUnavailable, PolicyMissing
from ptrapp.core.progress import OnProgress
from ptrapp.core.settings import Settings
from ptrapp.core.types import Message, Policy
from ptrapp.engines.base import Delta, Event, Failed, Request
from ptrapp.engines.pins import Pins
from ptrapp.engines.process.link import Link

log = logging.getLogger(__name__)

PAUSES_S = (0.5, 5.0, 30.0)
"""Waits before a process that ended is started again, each longer: what ended it may be brief."""


class EngineProcess:
    """Serves a model from a process of its own. See `ptrapp.engines.base.Engine`.

    The pages' interpreter never waits for the model's, and a model that takes its process with it
    (most often for want of memory) leaves the app standing: open requests fail in words, and
    another process takes over, with the same versions.
    """

    def __init__(self, settings: Settings, report: OnProgress) -> None:
        """Starts the process and loads the model. Raises `ModelUnusable`, `EngineUnavailable`.

        `report` is called while the model is loaded, and may end that by raising.
        """
        self._settings = settings
        self._closing = threading.Event()
        self._failure: str | None = None
        self._pins = Pins(self._unload)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        """Held around the two below."""
        self._in_place = 0
        """Number of the process that answers; 0 while none does."""
        self._link, number = self._start(report)
        if not self._put_in_place(self._link, number):
            raise EngineUnavailable(self._link.failure)
        opened = self._link.opened
        self.model_id = opened.model_id
        self.context_length = opened.context_length
        self.thought_format = opened.thought_format
        self.about = opened.about

    @property
    def failure(self) -> str | None:
        return self._failure or self._link.failure

    @property
    def pid(self) -> int:
        """The process that has the model now."""
        return self._link.pid

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        """Answers `requests`; work begins with the first `next`, closing the generator cancels."""
        with ExitStack() as holds:
            held: list[int] = []
            for index, request in enumerate(requests):
                try:
                    self._pins.hold(request.policy)
                except PolicyMissing as error:
                    yield Failed(index, error)
                    continue
                holds.callback(self._pins.release, request.policy)
                held.append(index)
            yield from self._events([requests[index] for index in held], held)

    def _events(self, requests: list[Request], indices: list[int]) -> Generator[Event, None, None]:
        """Yields what the process answers, under the indices that the caller knows.

        Requests that have begun fail with the process; before that, `EngineUnavailable` is raised.
        """
        waiting, begun = set(indices), False
        with closing(self._link.stream(requests)) as events:
            try:
                for event in events:
                    begun = True
                    index = indices[event.index]
                    if not isinstance(event, Delta):
                        waiting.discard(index)
                    yield replace(event, index=index)
            except EngineUnavailable as error:
                if not begun:
                    raise
                for index in sorted(waiting):
                    yield Failed(index, error)

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int:
        n_tokens: int = self._link.ask("count_prompt_tokens", messages, thinking)
        return n_tokens

    def publish(self, name: str, path: Path) -> None:
        with self._pins.publishing(name, path) as must_load:
            if must_load:
                self._link.ask("publish", name, path)

    def retire(self, name: str) -> None:
        self._pins.retire(name)

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        return self._pins.pin(policy)

    def published(self) -> frozenset[str]:
        return self._pins.published()

    def close(self) -> None:
        """Ends the process at once; open requests fail with `EngineUnavailable`."""
        self._closing.set()
        self._link.close()

    def _unload(self, name: str) -> None:
        """Unloads a version that nobody uses; a process that has ended has unloaded it already."""
        try:
            self._link.ask("retire", name)
        except EngineUnavailable as error:
            log.info("%s was not unloaded: %s", name, error)

    def _start(self, report: OnProgress) -> tuple[Link, int]:
        number = next(self._numbers)
        return Link(self._settings, report, lambda reason: self._ended(number, reason)), number

    def _put_in_place(self, link: Link, number: int) -> bool:
        """Has a process answer from now on; returns False where it has ended already."""
        with self._lock:
            if link.failure is None:
                self._link, self._in_place = link, number
            return self._in_place == number

    def _ended(self, number: int, reason: str) -> None:
        """Is called in the thread that saw a process end; one that is not in place yet is the
        business of whoever starts it."""
        with self._lock:
            if number != self._in_place:
                return
            self._in_place = 0
        self._start_again(reason)

    def _start_again(self, reason: str) -> None:
        """Puts another process in the place of one that ended."""
        log.error("%s It is started again.", reason)
        self._failure = f"{reason} It is being started again; try again in a moment."
        for pause in PAUSES_S:
            if self._closing.wait(pause):
                return
            try:
                link, number = self._restored()
            except EngineError as error:
                log.error("the model's process was not started again: %s", error)
                continue
            if not self._put_in_place(link, number):
                log.error("the model's process ended again: %s", link.failure)
                continue
            self._failure = None
            if self._closing.is_set():
                link.close()
            return
        self._failure = f"{reason} It could not be started again. Start the app again."

    def _restored(self) -> tuple[Link, int]:
        """Returns a started process that has the versions of the one before, and its number."""

        def report(text: str, fraction: float | None = None) -> None:
            if self._closing.is_set():
                raise EngineUnavailable("The engine is closed.")

        link, number = self._start(report)
        for name, path in self._pins.loaded().items():
            try:
                link.ask("publish", name, path)
            except EngineError as error:
                log.error("%s was not published again: %s", name, error)
        return link, number
