"""The embedded engine: the model belongs to one thread, which takes requests as messages."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from queue import SimpleQueue

from jinja2 import TemplateError

from ptrapp.core.dialogue import prompt_ids
from ptrapp.core.errors import ContextTooLong, EngineError, MessagesRefused
from ptrapp.core.types import Message, Policy
from ptrapp.engines.base import Delta, Event, Failed, Priority, Request
from ptrapp.engines.local.batches import RequestGroup, RequestState, new_group, new_row
from ptrapp.engines.local.loading import LoadedModel, choose_format, load_model
from ptrapp.engines.local.model_thread import ModelThread
from ptrapp.engines.local.rows import Row
from ptrapp.engines.local.step.choice import loaded_type
from ptrapp.engines.local.step.threads import apart
from ptrapp.engines.local.thinking import ThoughtPlanner
from ptrapp.engines.local.transcript import Transcript
from ptrapp.engines.pins import Pins

MIN_ANSWER_TOKENS = 16
"""Tokens that must be left for an answer; fewer could not even end a thought."""


class LocalEngine:
    """Serves a `transformers` model in this process. See `ptrapp.engines.base.Engine`."""

    def __init__(
        self,
        model_path: str,
        *,
        device: str = "auto",
        threads: int = 0,
        thought_format: str = "auto",
        weights: str = "auto",
    ):
        """Loads the model and starts the model thread. Raises `ModelUnusable`.

        `weights` is the setting of that name.
        """
        dtype = loaded_type(weights, device)
        self._loaded = apart(lambda: load_model(model_path, device, dtype=dtype))
        self.model_id = model_path
        self.context_length = self._loaded.context_length
        self.thought_format = choose_format(thought_format, self._loaded.tokenizer)
        self._tokenizer_lock = threading.Lock()
        """A fast tokenizer raises "Already borrowed" when two threads use it at once."""
        self._thoughts = ThoughtPlanner(self.thought_format, self._text_ids, self._decode)
        self._pins = Pins(lambda name: self._model_thread.unload(name))
        self._model_thread = ModelThread(self._loaded, threads, self._pins.release, weights)
        self.about = (*_about(self._loaded), self._model_thread.about)

    @property
    def failure(self) -> str | None:
        return self._model_thread.failure

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        """Answers `requests`; work begins with the first `next`, closing the generator cancels."""
        events: SimpleQueue[Event] = SimpleQueue()
        groups = self._admit(requests, events)
        self._model_thread.add(groups)
        try:
            n_open = len(requests)
            while n_open:
                event = events.get()
                n_open -= not isinstance(event, Delta)
                yield event
        finally:
            self._model_thread.cancel(groups)

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int:
        return len(self._encode(messages, thinking))

    def publish(self, name: str, path: Path) -> None:
        with self._pins.publishing(name, path) as must_load:
            if must_load:
                self._model_thread.load(name, path)

    def retire(self, name: str) -> None:
        self._pins.retire(name)

    def pin(self, policy: Policy) -> AbstractContextManager[None]:
        return self._pins.pin(policy)

    def published(self) -> frozenset[str]:
        return self._pins.published()

    def close(self) -> None:
        """Ends the model thread within a step; open requests fail with `EngineUnavailable`."""
        self._model_thread.close()

    def _admit(self, requests: Sequence[Request], events: SimpleQueue[Event]) -> list[RequestGroup]:
        """Tokenises requests and groups them by policy and priority, holding each policy once.

        A request that cannot be answered fails alone.
        """
        started = time.monotonic()
        states: dict[tuple[Policy, Priority], list[RequestState]] = {}
        for index, request in enumerate(requests):
            key = (request.policy, request.priority)
            try:
                row = self._row(request)
                if key not in states:
                    self._pins.hold(request.policy)
            except EngineError as error:
                events.put(Failed(index, error))
                continue
            stop = (*request.sampling.stop, *self._loaded.stop)
            transcript = Transcript(self._decode, self.thought_format, request.thinking, stop)
            row.ends = transcript.ends
            state = RequestState(index, row, transcript, events, started, request.logps)
            states.setdefault(key, []).append(state)
        return [new_group(*key, members) for key, members in states.items()]

    def _row(self, request: Request) -> Row:
        prompt = self._encode(request.messages, request.thinking)
        room = self.context_length - len(prompt)
        if room < MIN_ANSWER_TOKENS:
            raise ContextTooLong(
                f"The prompt with its earlier rounds is {len(prompt):,} tokens long and the model "
                f"reads {self.context_length:,}, answer included. Shorten the prompt, or ask for "
                "fewer rounds."
            )
        return new_row(
            prompt,
            request.sampling,
            room,
            thought=self._thoughts.plan(request, room),
            is_blank=None if request.enforce is False else self._thoughts.is_blank,
        )

    def _text_ids(self, text: str) -> list[int]:
        with self._tokenizer_lock:
            return list(self._loaded.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _encode(self, messages: Sequence[Message], thinking: bool) -> list[int]:
        try:
            with self._tokenizer_lock:
                return prompt_ids(self._loaded.tokenizer, messages, thinking)
        except TemplateError as error:
            raise MessagesRefused(
                f"The chat template of {self.model_id!r} refuses these messages: {error}"
            ) from error

    def _decode(self, token_ids: Sequence[int]) -> str:
        with self._tokenizer_lock:
            return str(self._loaded.tokenizer.decode(list(token_ids), skip_special_tokens=False))


def _about(loaded: LoadedModel) -> tuple[str, ...]:
    model = loaded.model
    millions = model.num_parameters() / 1e6
    kind = model.device.type
    device = "the CPU" if kind == "cpu" else "a GPU" if kind == "cuda" else kind
    numbers = str(model.dtype).removeprefix("torch.")
    return (
        f"{millions:,.1f}M parameters, on {device}, computing in {numbers}.",
        "Candidates are generated in one batch, and later rounds reuse the cache of earlier ones."
        if loaded.batched
        else "Its caches cannot be shared, so candidates are generated one by one.",
        "New versions are served without a restart.",
        *((_PLAIN,) if loaded.stop else ()),
    )


_PLAIN = "It has no chat template, so prompts are plain text: questions and answers in turn."
