"""Generates one candidate over HTTP: failed requests are retried, broken answers sampled again."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from openai import APIError, NotFoundError

from ptrapp.core.errors import ContextTooLong, EngineUnavailable
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Completion, FinishReason, Split
from ptrapp.engines.base import Priority, Request
from ptrapp.engines.remote.adapters import ServerAdapters
from ptrapp.engines.remote.call import Call
from ptrapp.engines.remote.errors import is_retryable, mapped
from ptrapp.engines.remote.probe import VLLM_SAMPLING, Capabilities
from ptrapp.engines.remote.prompts import Prompts
from ptrapp.engines.remote.server import Server, Timeouts
from ptrapp.engines.remote.streamed_completion import Interrupted, StreamedCompletion

log = logging.getLogger(__name__)

MIN_ANSWER_TOKENS = 16
"""Tokens that must be left for an answer, as in the embedded engine."""
DELTA_INTERVAL_S = 0.03
"""Time between two deltas: a page is not read faster."""

_VLLM_PRIORITY = {Priority.PERSON: 0, Priority.JOB: 1}
"""A request of lower number is answered first."""

Show = Callable[[Split, int], None]


@dataclass(slots=True)
class _Repeats:
    """What has been repeated for one candidate, and how many retries are left."""

    retries: int
    resampled: bool = False
    republished: bool = False


@dataclass(frozen=True, slots=True)
class CompletionGenerator:
    """Generates candidates; shared by all calls of an engine."""

    server: Server
    capabilities: Capabilities
    adapters: ServerAdapters
    prompts: Prompts
    format: ThoughtFormat
    context_length: int
    timeouts: Timeouts

    def generate(self, request: Request, call: Call, show: Show) -> Completion:
        """Draws the completion. Raises `EngineError`, which concerns no other candidate.

        An enforced thought that the model does not end takes two requests: the second continues
        what the first wrote, behind the response marker. An answer that ends before it begins is
        asked for once more, where the server can bar the end of a turn.
        """
        enforce = self.format.enforced if request.enforce is None else request.enforce
        enforce = enforce and request.thinking and self.prompts.continues
        begun = self.format.opening if enforce else ""
        streamed = self._draw(request, call, show, begun)
        first = None
        if enforce and not streamed.responds:
            first, begun = streamed, streamed.written + self.format.closing
            streamed = self._draw(request, call, show, begun, first)
        done = streamed.completion()
        if (
            request.enforce is not False
            and self.capabilities.token_ids
            and done.finish_reason is FinishReason.STOP
            and not done.split.response
            and (streamed.responds or not request.thinking)
        ):
            again = self._draw(request, call, show, begun, first, bars_end=True)
            done = replace(again.completion(), asked_again=True)
        return done

    def _draw(
        self,
        request: Request,
        call: Call,
        show: Show,
        begun: str,
        first: StreamedCompletion | None = None,
        *,
        bars_end: bool = False,
    ) -> StreamedCompletion:
        """Draws what follows `begun`, retried as often as may be."""
        body, started = self._body(request, begun, first), time.monotonic()
        if bars_end:
            body["min_tokens"] = 1
        repeats = _Repeats(self.timeouts.retries)
        while True:
            if call.reason:
                raise call.reason
            model = self.adapters.model_of(request.policy)
            streamed = StreamedCompletion(
                self.format, request.thinking, started, request.logps, begun=begun
            )
            if first is not None:
                streamed.after(first)
            try:
                self._attempt(request, body | {"model": model}, call, streamed, show)
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
        """Returns if the candidate is to be tried again; otherwise raises the final error."""
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

    def _body(
        self, request: Request, begun: str, first: StreamedCompletion | None
    ) -> dict[str, Any]:
        """Returns the request without its model, with every sampling parameter set explicitly."""
        drawn = request.sampling
        thinks = request.thinking and first is None
        wanted = drawn.max_tokens + (drawn.max_thought_tokens if thinks else 0)
        room = self._room(request) - (first.n_tokens if first else 0)
        body = self.prompts.body(request.messages, request.thinking, begun) | {
            "n": 1,
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "seed": drawn.seed,
            "max_tokens": min(wanted, max(room, MIN_ANSWER_TOKENS)),
        }
        if self.capabilities.priorities:
            body["priority"] = _VLLM_PRIORITY[request.priority]
        if drawn.stop:
            body["stop"] = list(drawn.stop)
        if self.capabilities.logprobs:
            body["logprobs"] = True
        if self.capabilities.token_ids:
            body |= VLLM_SAMPLING
        return body

    def _room(self, request: Request) -> int:
        """Returns the tokens left for the answer; an estimated count refuses no request."""
        n_prompt = self.prompts.count(request.messages, request.thinking)
        room = self.context_length - n_prompt
        if room < MIN_ANSWER_TOKENS and self.prompts.exact:
            raise ContextTooLong(
                f"The prompt with its earlier rounds is {n_prompt} tokens long and the model "
                f"reads {self.context_length}, answer included. Shorten the prompt, or ask for "
                "fewer rounds."
            )
        return max(room, MIN_ANSWER_TOKENS)
