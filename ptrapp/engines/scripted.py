"""An engine that answers from a script, for tests and demonstrations."""

import itertools
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ptrapp.core.errors import AdapterRejected, ContextTooLong, EngineError, EngineUnavailable
from ptrapp.core.thoughts import TINY, ThoughtFormat, split, split_partial
from ptrapp.core.types import Completion, FinishReason, Message, Policy, ThoughtEnd
from ptrapp.engines.base import Delta, Event, Failed, Finished, Request
from ptrapp.engines.pins import Pins

Script = Callable[[Request], str] | Sequence[str]
"""The answers, markers included: a function of the request, or texts in the order of requests."""

_CLOSED = "The engine is closed. Start the app again."


class ScriptedEngine:
    """Answers word by word, requests in rotation. See `ptrapp.engines.base.Engine`.

    A word is a token; if the script is a function, equal requests give equal answers.
    """

    def __init__(
        self,
        script: Script,
        *,
        word_s: float = 0.0,
        failures: Mapping[int, EngineError] | None = None,
        context_length: int = 1024,
        thought_format: ThoughtFormat = TINY,
    ):
        """Takes `failures` by a request's number among all requests of the engine, from 0."""
        self.model_id = "scripted"
        self.context_length = context_length
        self.thought_format = thought_format
        self.about = ("It says what its script says.",)
        self.requests: list[Request] = []
        """All requests, in order."""
        self._answer = script if callable(script) else _in_order(script)
        self._word_s = word_s
        self._failures = dict(failures or {})
        self._n_requests = itertools.count()
        self._pins = Pins(lambda name: None)
        self._closed = threading.Event()

    failure: str | None = None

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        if self._closed.is_set():
            raise EngineUnavailable(_CLOSED)
        self.requests.extend(requests)
        started = time.monotonic()
        numbers = [next(self._n_requests) for _ in requests]
        open_ = {
            index: self._write(index, request, number, started)
            for index, (request, number) in enumerate(zip(requests, numbers, strict=True))
        }
        try:
            while open_:
                for index, events in list(open_.items()):
                    event = next(events)
                    if not isinstance(event, Delta):
                        open_.pop(index).close()
                    yield event
                self._closed.wait(self._word_s)
        finally:
            for events in open_.values():
                events.close()

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int:
        return sum(len(message.content.split()) + 1 for message in messages)

    def publish(self, name: str, path: Path) -> None:
        with self._pins.publishing(name, path):
            if not (path / "adapter_config.json").is_file():
                raise AdapterRejected(f"The folder {str(path)!r} holds no adapter_config.json.")

    def retire(self, name: str) -> None:
        self._pins.retire(name)

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        return self._pins.pin(policy)

    def published(self) -> frozenset[str]:
        return self._pins.published()

    def close(self) -> None:
        self._closed.set()

    def _write(
        self, index: int, request: Request, number: int, started: float
    ) -> Generator[Event, None, None]:
        try:
            self._pins.hold(request.policy)
        except EngineError as error:
            yield Failed(index, error)
            return
        try:
            yield from self._words(index, request, number, started)
        finally:
            self._pins.release(request.policy)

    def _words(
        self, index: int, request: Request, number: int, started: float
    ) -> Generator[Event, None, None]:
        n_prompt = self.count_prompt_tokens(request.messages, request.thinking)
        if n_prompt >= self.context_length:
            yield Failed(index, ContextTooLong(_too_long(n_prompt, self.context_length)))
            return
        fmt, thinking = self.thought_format, request.thinking
        words = re.findall(r"\s*\S+", self._answer(request))
        words, text = _until(request.sampling.stop, words)
        n_most = min(self._n_most(words, request), self.context_length - n_prompt)
        written = words[:n_most]
        for n_words in range(1, len(written) + 1):
            if self._closed.is_set():
                yield Failed(index, EngineUnavailable(_CLOSED))
                return
            so_far = "".join(written[:n_words])[: len(text)]
            parts = split_partial(so_far, fmt, thinking, request.sampling.stop)
            yield Delta(index, parts, n_words, time.monotonic() - started)
        if number in self._failures:
            yield Failed(index, self._failures[number])
            return
        finish = FinishReason.STOP if written == words else FinishReason.LENGTH
        raw = "".join(written)[: len(text)]
        yield Finished(index, self._completion(raw, written, finish, request, started))

    def _n_most(self, words: Sequence[str], request: Request) -> int:
        """Returns how many of the words the thought budget and the response's length allow."""
        drawn, text = request.sampling, ""
        if not request.thinking:
            return drawn.max_tokens
        for n_words, word in enumerate(words[: drawn.max_thought_tokens], start=1):
            text += word
            if self.thought_format.response_marker in text:
                return n_words + drawn.max_tokens
        return drawn.max_thought_tokens

    def _completion(
        self,
        raw: str,
        written: Sequence[str],
        finish: FinishReason,
        request: Request,
        started: float,
    ) -> Completion:
        cut = raw != "".join(written)
        parts = split(raw, self.thought_format, request.thinking)
        n_thought = min(len(parts.thought.split()), len(written))
        return Completion(
            raw=raw,
            split=parts,
            token_ids=() if cut else tuple(range(len(written))),
            n_thought_tokens=n_thought,
            n_response_tokens=len(written) - n_thought,
            finish_reason=finish,
            logprob_sum=None if cut else -float(len(written)),
            thought_s=n_thought * self._word_s,
            duration_s=time.monotonic() - started,
            logps=(-1.0,) * len(written) if request.logps and not cut else (),
            thought_end=_thought_end(raw, self.thought_format, finish)
            if request.thinking
            else None,
        )


def _thought_end(raw: str, fmt: ThoughtFormat, finish: FinishReason) -> ThoughtEnd:
    if fmt.response_marker in raw:
        return ThoughtEnd.MODEL
    return ThoughtEnd.TURN if finish is FinishReason.STOP else ThoughtEnd.BUDGET


def _until(stop: Sequence[str], words: list[str]) -> tuple[list[str], str]:
    """Returns the words up to the one that completes a stop string, and the text before it."""
    for n_words in range(1, len(words) + 1):
        text = "".join(words[:n_words])
        if found := [at for one in stop if (at := text.find(one)) >= 0]:
            return words[:n_words], text[: min(found)]
    return words, "".join(words)


def _in_order(texts: Sequence[str]) -> Callable[[Request], str]:
    """Returns a script that gives each text once, and then the last one for ever."""
    lock = threading.Lock()
    rest: Iterator[str] = itertools.chain(texts, itertools.repeat(texts[-1]))

    def answer(request: Request) -> str:
        with lock:
            return next(rest)

    return answer


def _too_long(n_prompt: int, context_length: int) -> str:
    return (
        f"The prompt with its earlier rounds is {n_prompt:,} tokens long and the model reads "
        f"{context_length:,}, answer included. Shorten the prompt, or ask for fewer rounds."
    )
