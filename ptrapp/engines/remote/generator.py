"""Generates one candidate over HTTP: failed requests are retried, broken answers sampled again."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from openai import APIError, NotFoundError

from ptrapp.core.errors import ContextTooLong, EngineUnavailable
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Completion, Split
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
        """Draws the completion. Raises `EngineError`, which concerns no other candidate."""
        body, started = self._body(request), time.monotonic()
        repeats = _Repeats(self.timeouts.retries)
        while True:
            if call.reason:
                raise call.reason
            model = self.adapters.model_of(request.policy)
            streamed = StreamedCompletion(self.format, request.thinking, started, request.logps)
            try:
                return self._attempt(body | {"model": model}, call, streamed, show)
            except (APIError, Interrupted, ValueError) as error:  # ValueError: a torn JSON line
                self._decide(error, request, call, streamed, repeats)
            except RuntimeError as error:  # the client was closed during the request
                raise (call.reason or error) from error

    def _attempt(
        self, body: Mapping[str, Any], call: Call, streamed: StreamedCompletion, show: Show
    ) -> Completion:
        shown_at = 0.0
        with closing(self.server.stream_chat(body)) as stream:
            call.opened(stream)
            try:
                for chunk in stream:
                    if not streamed.add(chunk):
                        continue
                    call.token()
                    if (now := time.monotonic()) - shown_at >= DELTA_INTERVAL_S:
                        shown_at = now
                        show(streamed.so_far(), streamed.n_tokens)
            finally:
                call.closed()
        return streamed.completion()

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

    def _body(self, request: Request) -> dict[str, Any]:
        """Returns the request without its model, with every sampling parameter set explicitly."""
        drawn = request.sampling
        body = self.prompts.body(request.messages, request.thinking) | {
            "n": 1,
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "seed": drawn.seed,
            "max_tokens": min(drawn.max_tokens, self._room(request)),
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
