"""An engine whose model is loaded beside the pages, and replaced by another while they run."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ptrapp.core.errors import EngineError, EngineUnavailable, ThriceError
from ptrapp.core.progress import OnProgress
from ptrapp.core.thoughts import GENERIC, ThoughtFormat
from ptrapp.core.types import Message, Policy
from ptrapp.engines.base import Engine, Event, Request

log = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""Longest wait for runs that were stopped to let go of the model that is replaced."""
_CLOSING_S = 5.0
"""Longest wait, when the app ends, for a model that is just being loaded."""

OpenModel = Callable[[str, OnProgress], Engine]
"""Opens the engine of the model that `--model` or a page names, and reports how far it is."""


@dataclass(frozen=True, slots=True)
class Loading:
    """A model on its way: its name, what is being done, how much of that, and since when."""

    model: str
    text: str
    fraction: float | None
    started: float

    def in_words(self) -> str:
        """Returns a sentence for a page, such as `smollm2 is being loaded, 12 s so far.`"""
        share = f" {self.fraction:.0%}" if self.fraction is not None else ""
        doing = f" ({self.text}{':' if share else ''}{share})" if self.text else ""
        return (
            f"{self.model} is being loaded, {time.monotonic() - self.started:.0f} s so far{doing}."
        )


class _Interrupted(EngineError):
    """The app ends while a model is on its way."""


class ReplaceableEngine:
    """The engine of the app. See `ptrapp.engines.base.Engine`.

    Until its first model is there, and while one model takes the place of another, requests are
    refused in words. While another is being loaded the one before goes on answering, so both are in
    memory for a moment; if the other cannot be loaded, nothing has changed.
    """

    def __init__(self, open_model: OpenModel, also_report: OnProgress | None = None) -> None:
        self._open_model = open_model
        self._also_report = also_report
        self._engine: Engine | None = None
        self._serving = False
        """False while `_engine` is not to be asked: it is being replaced, or was not prepared."""
        self._loading: Loading | None = None
        self._refusal = ""
        self._n_users = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def load(
        self,
        model: str,
        *,
        release: Callable[[], None],
        prepare: Callable[[], None],
        failed: Callable[[Exception], None] | None = None,
        called: str = "",
    ) -> None:
        """Begins to load a model, and returns. Raises `EngineUnavailable` while one is on its way.

        `called` is what people read of it; empty is the model's own name.

        When the model is there, `release` has all runs end, and `prepare` publishes what is to be
        served with the new one before requests reach it. `failed` gets the reason if none is.
        """
        with self._changed:
            if self._loading is not None:
                raise EngineUnavailable(f"{self._loading.in_words()} Wait until it is there.")
            self._loading = Loading(called or model, "", None, time.monotonic())
            self._refusal = ""

        def work() -> None:
            try:
                self._take(self._open_model(model, self._report), release, prepare)
            except _Interrupted:
                log.info("%s was not loaded: the app ends", model)
            except Exception as error:  # the thread ends here; what it was is said on the pages
                log.error("%s: %s", model, error, exc_info=not isinstance(error, ThriceError))
                self._fail(model, error, failed)
            finally:
                with self._changed:
                    self._loading = None

        self._thread = threading.Thread(target=work, name="loading", daemon=True)
        self._thread.start()

    @property
    def loading(self) -> Loading | None:
        """The model that is on its way, if any."""
        return self._loading

    @property
    def awaited(self) -> bool:
        """Whether nobody is answered before the model that is on its way is there."""
        serves = self._engine is not None and self._serving
        return self._loading is not None and not serves and not self._closed.is_set()

    @property
    def refusal(self) -> str:
        """Why the model asked for last was not loaded; empty where it was."""
        return self._refusal

    @property
    def failure(self) -> str | None:
        """Why nobody is answered: no model yet, one being replaced, or an engine that ended."""
        engine, loading = self._engine, self._loading
        if engine is not None and self._serving:
            return engine.failure
        if loading is not None:
            return f"The model {loading.in_words()}"
        return self._refusal or "No model is loaded."

    @property
    def model_id(self) -> str:
        """The base model as adapters name it. Raises `EngineUnavailable` while there is none."""
        return self._present().model_id

    @property
    def context_length(self) -> int:
        return self._engine.context_length if self._engine else 0

    @property
    def thought_format(self) -> ThoughtFormat:
        return self._engine.thought_format if self._engine else GENERIC

    @property
    def about(self) -> tuple[str, ...]:
        return self._engine.about if self._engine else (self.failure or "",)

    def stream(self, requests: Sequence[Request]) -> Generator[Event, None, None]:
        with self._use() as engine, closing(engine.stream(requests)) as events:
            yield from events

    def count_prompt_tokens(self, messages: Sequence[Message], thinking: bool) -> int:
        with self._use() as engine:
            return engine.count_prompt_tokens(messages, thinking)

    def publish(self, name: str, path: Path) -> None:
        self._present().publish(name, path)

    def retire(self, name: str) -> None:
        self._present().retire(name)

    @contextmanager
    def pin(self, policy: Policy) -> Iterator[None]:
        """Keeps version and model while the context is open: no model is replaced under a run."""
        with self._use(begins=True) as engine, engine.pin(policy):
            yield

    def published(self) -> frozenset[str]:
        return self._engine.published() if self._engine else frozenset()

    def close(self) -> None:
        """Ends what is being loaded, and closes the engine."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(_CLOSING_S)
        if self._engine is not None:
            self._engine.close()

    @contextmanager
    def _use(self, *, begins: bool = False) -> Iterator[Engine]:
        """Yields the engine, which is not replaced meanwhile. Raises `EngineUnavailable`.

        While a replacement waits, nothing begins, and what holds a pin may still go on.
        """
        with self._changed:
            engine = self._engine
            may_go_on = self._n_users and not begins
            if engine is None or not (self._serving or may_go_on):
                raise EngineUnavailable(f"{self.failure} Try again in a moment.")
            self._n_users += 1
        try:
            yield engine
        finally:
            with self._changed:
                self._n_users -= 1
                self._changed.notify_all()

    def _present(self) -> Engine:
        if self._engine is None:
            raise EngineUnavailable(f"{self.failure} Try again in a moment.")
        return self._engine

    def _report(self, text: str, fraction: float | None = None) -> None:
        if self._closed.is_set():
            raise _Interrupted("the app ends")
        if (loading := self._loading) is not None:
            self._loading = Loading(loading.model, text, fraction, loading.started)
        if self._also_report is not None:
            self._also_report(text, fraction)

    def _take(
        self, engine: Engine, release: Callable[[], None], prepare: Callable[[], None]
    ) -> None:
        """Puts an opened engine in the place of the one before, which is closed."""
        before, taken = self._engine, False
        try:
            with self._changed:
                self._serving = False
            release()
            with self._changed:
                if not self._changed.wait_for(lambda: not self._n_users, PATIENCE_S):
                    raise EngineUnavailable(
                        f"What runs on the model before did not end within {PATIENCE_S:.0f} s, so "
                        "it was not replaced. Try again."
                    )
                self._engine, taken = engine, True
            if before is not None:
                before.close()
            prepare()
        finally:
            with self._changed:
                self._serving = self._engine is not None
            if not taken:
                engine.close()

    def _fail(
        self,
        model: str,
        error: Exception,
        failed: Callable[[Exception], None] | None,
    ) -> None:
        self._refusal = f"{model} was not loaded: {error}"
        if failed is not None:
            failed(error)
