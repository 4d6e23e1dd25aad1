"""Generates one candidate over HTTP, in as many requests as its thought and its answer take."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ptrapp.core.errors import ContextTooLong, EngineUnavailable
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.core.types import Completion, FinishReason
from ptrapp.engines.base import Priority, Request
from ptrapp.engines.remote.call import Call
from ptrapp.engines.remote.drawing import Drawing, Show
from ptrapp.engines.remote.probe import VLLM_SAMPLING, Capabilities
from ptrapp.engines.remote.prompts import Prompts
from ptrapp.engines.remote.streamed_completion import StreamedCompletion

log = logging.getLogger(__name__)

MIN_ANSWER_TOKENS = 16
"""Tokens that must be left for an answer, as in the embedded engine."""

_VLLM_PRIORITY = {Priority.PERSON: 0, Priority.JOB: 1}
"""A request of lower number is answered first."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """What stands of a completion before the server writes on."""

    text: str = ""
    first: StreamedCompletion | None = None
    """The request that wrote the thought in `text`."""
    token: str = ""
    """The first token of the response, which a request of its own has drawn."""


@dataclass(frozen=True, slots=True)
class CompletionGenerator:
    """Generates candidates; shared by all calls of an engine."""

    drawing: Drawing
    capabilities: Capabilities
    prompts: Prompts
    format: ThoughtFormat

    def generate(self, request: Request, call: Call, show: Show) -> Completion:
        """Draws the completion. Raises `EngineError`, which concerns no other candidate.

        An enforced thought that the model does not end takes two requests: the second continues
        what the first wrote, behind the response marker. An answer that ends before it begins is
        asked for once more, where the server can bar the end of a turn or continue an answer.
        """
        enforce = self.format.enforced if request.enforce is None else request.enforce
        enforce = enforce and request.thinking and self.prompts.continues
        begun = _Begun(self.format.opening if enforce else "")
        streamed = self._draw(request, call, show, begun)
        if enforce and not streamed.responds:
            begun = _Begun(streamed.written + self.format.closing, streamed)
            streamed = self._draw(request, call, show, begun)
        done = streamed.completion()
        if (
            request.enforce is False
            or done.finish_reason is not FinishReason.STOP
            or done.split.response
            or (request.thinking and not streamed.responds)
        ):
            return done
        if request.thinking and begun.first is None and self.prompts.continues:
            begun = _Begun(streamed.written, streamed)  # behind the marker that the model wrote
        again = self._begin_again(request, call, show, begun)
        return replace(again.completion(), asked_again=True) if again else done

    def _begin_again(
        self, request: Request, call: Call, show: Show, begun: _Begun
    ) -> StreamedCompletion | None:
        """Draws an answer that does not end at once; None where the server cannot do that.

        vLLM bars the end of a turn for a token. llama.cpp bars it for a whole request, which is of
        one token then, and another one continues it.
        """
        if self.capabilities.token_ids:
            return self._draw(request, call, show, begun, {"min_tokens": 1})
        if not self.prompts.continues:
            return None
        one = {"ignore_eos": True, "max_tokens": 1}
        try:
            begins = self._draw(request, call, lambda *_: None, begun, one)
        except EngineUnavailable as error:
            if call.reason:
                raise
            log.info("%s bars no end of a turn: %s", self.drawing.server.url, error)
            return None
        if not begins.continued or request.sampling.max_tokens == 1:
            return begins if begins.continued else None
        return self._draw(request, call, show, replace(begun, token=begins.continued))

    def _draw(
        self,
        request: Request,
        call: Call,
        show: Show,
        begun: _Begun,
        extra: Mapping[str, Any] = MappingProxyType({}),
    ) -> StreamedCompletion:
        """Draws what follows what has begun, in one request that is sent as often as may be."""
        started = time.monotonic()

        def collector() -> StreamedCompletion:
            streamed = StreamedCompletion(
                self.format,
                request.thinking,
                started,
                request.logps,
                begun=begun.text,
                token=begun.token,
            )
            if begun.first is not None:
                streamed.after(begun.first)
            return streamed

        body = self._body(request, begun) | dict(extra)
        return self.drawing.draw(request, body, call, show, collector)

    def _body(self, request: Request, begun: _Begun) -> dict[str, Any]:
        """Returns the request without its model, with every sampling parameter set explicitly."""
        drawn = request.sampling
        thinks = request.thinking and begun.first is None
        wanted = drawn.max_tokens + (drawn.max_thought_tokens if thinks else 0)
        room = self._room(request) - (begun.first.n_tokens if begun.first else 0)
        written = begun.text + begun.token
        body = self.prompts.body(request.messages, request.thinking, written) | {
            "n": 1,
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "seed": drawn.seed,
            "max_tokens": min(wanted, max(room, MIN_ANSWER_TOKENS)) - bool(begun.token),
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
        context_length = self.drawing.context_length
        room = context_length - n_prompt
        if room < MIN_ANSWER_TOKENS and self.prompts.exact:
            raise ContextTooLong(
                f"The prompt with its earlier rounds is {n_prompt:,} tokens long and the model "
                f"reads {context_length:,}, answer included. Shorten the prompt, or ask for "
                "fewer rounds."
            )
        return max(room, MIN_ANSWER_TOKENS)
