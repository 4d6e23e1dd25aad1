"""One candidate, from request to completion: what is asked again, what is sampled anew."""

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
from ptrapp.engines.remote.errors import mapped, worth_asking_again
from ptrapp.engines.remote.probe import VLLM_SAMPLING, Capabilities
from ptrapp.engines.remote.prompts import Prompts
from ptrapp.engines.remote.reading import Interrupted, Reading
from ptrapp.engines.remote.server import Patience, Server

log = logging.getLogger(__name__)

LEAST_ROOM = 16
"""Tokens that must be left for an answer, as in the embedded engine."""
SHOW_S = 0.03
"""Between two deltas: a page is not read faster."""

_RANK = {Priority.PERSON: 0, Priority.JOB: 1}
"""vLLM's priorities: the lower is answered first."""

Show = Callable[[Split, int], None]


@dataclass(slots=True)
class _Second:
    """What is done once more, and how often it may be."""

    retries: int
    resampled: bool = False
    republished: bool = False


@dataclass(frozen=True, slots=True)
class CompletionGenerator:
    """Everything one candidate needs; shared by all."""

    server: Server
    capabilities: Capabilities
    adapters: ServerAdapters
    prompts: Prompts
    format: ThoughtFormat
    context_length: int
    patience: Patience

    def write(self, request: Request, call: Call, show: Show) -> Completion:
        """Draw the completion. Raises `EngineError`; the other candidates do not notice."""
        body, started = self._body(request), time.monotonic()
        second = _Second(self.patience.retries)
        while True:
            if call.reason:
                raise call.reason
            model = self.adapters.model_of(request.policy)
            reading = Reading(self.format, request.thinking, started, request.logps)
            try:
                return self._attempt(body | {"model": model}, call, reading, show)
            except (APIError, Interrupted, ValueError) as error:  # ValueError: a torn JSON line
                self._decide(error, request, call, reading, second)
            except RuntimeError as error:  # the client was closed while this was on its way
                raise (call.reason or error) from error

    def _attempt(
        self, body: Mapping[str, Any], call: Call, reading: Reading, show: Show
    ) -> Completion:
        shown_at = 0.0
        with closing(self.server.stream_chat(body)) as stream:
            call.opened(stream)
            try:
                for chunk in stream:
                    if not reading.take(chunk):
                        continue
                    call.token()
                    if (now := time.monotonic()) - shown_at >= SHOW_S:
                        shown_at = now
                        show(reading.so_far(), reading.n_tokens)
            finally:
                call.closed()
        return reading.completion()

    def _decide(
        self,
        error: Exception,
        request: Request,
        call: Call,
        reading: Reading,
        second: _Second,
    ) -> None:
        """Return when the candidate is to be tried again; raise what it fails with otherwise."""
        if call.reason:
            raise call.reason from error
        if isinstance(error, NotFoundError) and request.policy.adapter and not second.republished:
            second.republished = True
            self.adapters.publish_again()
            return
        broken = not isinstance(error, APIError) or type(error) is APIError
        if reading.n_tokens or broken or call.idle:
            if second.resampled:
                raise self._interrupted(error, call) from error
            second.resampled = True
            log.warning("%s: an answer broke off and is sampled again", self.server.url)
            return
        assert isinstance(error, APIError)
        if second.retries and worth_asking_again(error):
            again = self.patience.retries - second.retries
            second.retries -= 1
            if call.wait(self.patience.backoff_s * 2**again):
                return
        raise call.reason or mapped(
            error,
            self.server.url,
            policy=request.policy,
            context_length=self.context_length,
        ) from error

    def _interrupted(self, error: Exception, call: Call) -> EngineUnavailable:
        why = (
            f"nothing came for {self.patience.idle_s:g} s" if call.idle else str(error).rstrip(".")
        )
        return EngineUnavailable(
            f"The server at {self.server.url} broke off twice in the middle of an answer ({why}). "
            "Its log says why; ask again."
        )

    def _body(self, request: Request) -> dict[str, Any]:
        """The request without its model: whatever may be sampled otherwise by default is said."""
        drawn = request.sampling
        body = self.prompts.body(request.messages, request.thinking) | {
            "n": 1,
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "seed": drawn.seed,
            "max_tokens": min(drawn.max_tokens, self._room(request)),
        }
        if self.capabilities.priorities:
            body["priority"] = _RANK[request.priority]
        if drawn.stop:
            body["stop"] = list(drawn.stop)
        if self.capabilities.logprobs:
            body["logprobs"] = True
        if self.capabilities.token_ids:
            body |= VLLM_SAMPLING
        return body

    def _room(self, request: Request) -> int:
        """Tokens left for the answer. An estimate refuses nothing: the server has the last word."""
        n_prompt = self.prompts.count(request.messages, request.thinking)
        room = self.context_length - n_prompt
        if room < LEAST_ROOM and self.prompts.exact:
            raise ContextTooLong(
                f"The prompt with its earlier rounds is {n_prompt} tokens long and the model "
                f"reads {self.context_length}, answer included. Shorten the prompt, or ask for "
                "fewer rounds."
            )
        return max(room, LEAST_ROOM)
