"""Draws one answer over HTTP: failed requests are retried, broken answers sampled again."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from openai import APIError, NotFoundError

from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.types import Split
from ptrapp.engines.base import Request
from ptrapp.engines.remote.adapters import ServerAdapters
from ptrapp.engines.remote.call import Call
from ptrapp.engines.remote.errors import is_retryable, mapped
from ptrapp.engines.remote.server import Server, Timeouts
from ptrapp.engines.remote.streamed_completion import Interrupted, StreamedCompletion

log = logging.getLogger(__name__)

DELTA_INTERVAL_S = 0.03
"""Time between two deltas: a page is not read faster."""

Show = Callable[[Split, int], None]


@dataclass(slots=True)
class _Repeats:
    """What has been repeated for one answer, and how many retries are left."""

    retries: int
    resampled: bool = False
    republished: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws answers; shared by all calls of an engine."""

    server: Server
    adapters: ServerAdapters
    context_length: int
    timeouts: Timeouts

    def draw(
        self,
        request: Request,
        body: Mapping[str, Any],
        call: Call,
        show: Show,
        collector: Callable[[], StreamedCompletion],
    ) -> StreamedCompletion:
        """Sends `body` as often as may be, until an answer has come whole into a new collector.

        Raises `EngineError`, which concerns no other answer.
        """
        repeats = _Repeats(self.timeouts.retries)
        while True:
            if call.reason:
                raise call.reason
            model = self.adapters.model_of(request.policy)
            streamed = collector()
            try:
                self._attempt(request, {**body, "model": model}, call, streamed, show)
            except (APIError, Interrupted, ValueError) as error:  # ValueError: a torn JSON line
                self._decide(error, request, call, streamed, repeats)
            except RuntimeError as error:  # the client was closed during the request
                raise (call.reason or error) from error
            else:
                return streamed

    def _attempt(
        self,
        request: Request,
        body: Mapping[str, Any],
        call: Call,
        streamed: StreamedCompletion,
        show: Show,
    ) -> None:
        """Reads an answer to its end or to a limit of its own. Raises `Interrupted`."""
        shown_at = 0.0
        with closing(self.server.stream_chat(body)) as stream:
            call.opened(stream)
            try:
                for chunk in stream:
                    if not streamed.add(chunk):
                        continue
                    call.token()
                    if streamed.is_full(request.sampling):
                        streamed.cut()
                        break
                    if (now := time.monotonic()) - shown_at >= DELTA_INTERVAL_S:
                        shown_at = now
                        show(streamed.so_far(), streamed.n_tokens)
            finally:
                call.closed()
        if streamed.finish is None:
            raise Interrupted("the stream ended before the answer did")

    def _decide(
        self,
        error: Exception,
        request: Request,
        call: Call,
        streamed: StreamedCompletion,
        repeats: _Repeats,
    ) -> None:
        """Returns if the answer is to be tried again; otherwise raises the final error."""
        if call.reason:
            raise call.reason from error
        if isinstance(error, NotFoundError) and request.policy.adapter and not repeats.republished:
            repeats.republished = True
            self.adapters.publish_again()
            return
        broken = not isinstance(error, APIError) or type(error) is APIError
        if streamed.n_tokens or broken or call.idle:
            if repeats.resampled:
                raise self._interrupted(error, call) from error
            repeats.resampled = True
            log.warning("%s: an answer broke off and is sampled again", self.server.url)
            return
        assert isinstance(error, APIError)
        if repeats.retries and is_retryable(error):
            again = self.timeouts.retries - repeats.retries
            repeats.retries -= 1
            if call.wait(self.timeouts.backoff_s * 2**again):
                return
        raise call.reason or mapped(
            error,
            self.server.url,
            policy=request.policy,
            context_length=self.context_length,
        ) from error

    def _interrupted(self, error: Exception, call: Call) -> EngineUnavailable:
        why = (
            f"nothing came for {self.timeouts.idle_s:g} s" if call.idle else str(error).rstrip(".")
        )
        return EngineUnavailable(
            f"The server at {self.server.url} broke off twice in the middle of an answer ({why}). "
            "Its log says why; ask again."
        )
