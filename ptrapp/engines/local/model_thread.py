"""Runs the model in one thread, which handles messages between two steps of its batches."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import torch

from ptrapp.core.errors import AdapterRejected, EngineError, EngineUnavailable
from ptrapp.core.types import Policy, Sampling
from ptrapp.engines.base import Priority
from ptrapp.engines.local.adapters import LocalAdapters
from ptrapp.engines.local.batches import (
    JOB_ROWS_ON_CPU,
    MAX_ROWS,
    Decoder,
    RequestBatch,
    RequestGroup,
    new_row,
)
from ptrapp.engines.local.decoding import DecoderBatch, DecoderContext
from ptrapp.engines.local.generating import GenerateDecoder
from ptrapp.engines.local.loading import LoadedModel
from ptrapp.engines.local.scheduler import Scheduler
from ptrapp.engines.local.step.choice import choose_forward
from ptrapp.engines.local.step.graphs import GraphPool
from ptrapp.engines.local.step.threads import apart

log = logging.getLogger(__name__)

T = TypeVar("T")

_CLOSED = "The engine is closed. Start the app again."


class ModelThread:
    """Owns the model: nothing else may call it. Public methods may be called from any thread.

    `release` is called once for every group that was added, after its last row.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        threads: int,
        release: Callable[[Policy], None],
        weights: str = "auto",
    ) -> None:
        self._loaded = loaded
        self._release = release
        self._adapters = LocalAdapters(loaded.model)
        forward, self.about, self._n_threads = apart(
            lambda: choose_forward(loaded.model, weights, threads)
        )
        on_cuda = loaded.model.device.type == "cuda" and forward.step is not None
        graphs = GraphPool(forward.step) if on_cuda and forward.step else None
        self._context = DecoderContext(loaded.model, loaded.eos_ids, forward, graphs)
        job_rows = JOB_ROWS_ON_CPU if loaded.model.device.type == "cpu" else MAX_ROWS
        self._scheduler = Scheduler(self._start, loaded.batched, job_rows)
        self._messages: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._closing = threading.Event()
        self._post_lock = threading.Lock()
        """Held while a message is queued, so that none is queued after the thread has ended."""
        self._ended = False
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def add(self, groups: Sequence[RequestGroup]) -> None:
        """Starts answering `groups`. Raises `EngineUnavailable` after releasing them."""
        if not self._post(lambda: self._add(groups)):
            for group in groups:
                self._release(group.policy)
            raise EngineUnavailable(self.failure or _CLOSED)

    @property
    def failure(self) -> str | None:
        """Why the thread ended although nobody closed it; None while all is well."""
        return self._failure

    def cancel(self, groups: Sequence[RequestGroup]) -> None:
        """Stops answering `groups` within a step; finished ones are not affected."""
        self._post(lambda: self._drop(groups))

    def load(self, name: str, folder: Path) -> None:
        """Loads an adapter and samples one token with it. Raises `AdapterRejected`."""
        self._ask(lambda: self._load(name, folder))

    def unload(self, name: str) -> None:
        self._post(lambda: self._unload(name))

    def close(self) -> None:
        self._closing.set()
        self._post(lambda: None)
        self._thread.join()

    def _post(self, message: Callable[[], None]) -> bool:
        """Queues a message for the thread; returns False when the thread has ended."""
        with self._post_lock:
            if not self._ended:
                self._messages.put(message)
            return not self._ended

    def _ask(self, question: Callable[[], T]) -> T:
        """Has the thread call `question` between two steps, and returns its result."""
        answer: Future[T] = Future()

        def reply() -> None:
            try:
                if not self._closing.is_set():
                    answer.set_result(question())
            except EngineError as error:
                answer.set_exception(error)
            finally:
                if not answer.done():
                    answer.set_exception(EngineUnavailable(_CLOSED))

        if not self._post(reply):
            raise EngineUnavailable(_CLOSED)
        return answer.result()

    def _run(self) -> None:
        if self._n_threads:
            torch.set_num_threads(self._n_threads)
        try:
            while True:
                self._process_messages(wait=not self._scheduler and not self._closing.is_set())
                if self._closing.is_set():
                    break
                for batch, slice_s in self._scheduler.cycle():
                    self._advance(batch, slice_s)
        except Exception as error:  # said on pages and by /health, as every request after it is
            log.exception("the engine ended")
            self._failure = f"The engine ended: {_first_line(error)} Start the app again."
        finally:
            self._end()

    def _process_messages(self, wait: bool) -> None:
        """Runs the queued messages; with `wait`, at least one."""
        try:
            message = self._messages.get(block=wait)
            while True:
                self._run_message(message)
                message = self._messages.get_nowait()
        except Empty:
            return

    def _run_message(self, message: Callable[[], None]) -> None:
        try:
            message()
        except Exception:  # one message must not end the thread that all requests depend on
            log.exception("a message to the engine failed")

    def _advance(self, batch: RequestBatch, slice_s: float) -> None:
        started = now = time.monotonic()
        while batch in self._scheduler and not self._closing.is_set():
            self._step(batch)
            now = time.monotonic()
            if batch.priority is Priority.JOB:
                self._scheduler.job_s = now - started
            self._process_messages(wait=False)
            if now - started >= slice_s:
                return

    def _step(self, batch: RequestBatch) -> None:
        try:
            self._adapters.activate(batch.policy.adapter)
            if batch.step():
                self._drop([group for group in batch.groups if group.done])
        except Exception as error:  # the requests of this step fail, all others go on
            log.exception("a step failed")
            self._context.prefix_cache.clear()  # memory may have run out
            self._fail(batch, EngineUnavailable(_failed(error)))

    def _fail(self, batch: RequestBatch, error: EngineError) -> None:
        """Fails all requests of a batch, whatever state its decoder is in."""
        groups = list(batch.groups)
        for group in groups:
            group.fail(error)
        try:
            for group in groups:
                self._scheduler.remove(group)
        except Exception:  # a decoder that is broken cannot drop its rows either
            log.exception("a failed batch was discarded")
            self._scheduler.discard(batch)
        for group in groups:
            self._release(group.policy)

    def _start(self, policy: Policy) -> Decoder:
        if self._loaded.batched:
            return DecoderBatch(self._context, policy.adapter)
        return GenerateDecoder(self._context)

    def _add(self, groups: Sequence[RequestGroup]) -> None:
        for group in groups:
            try:
                self._scheduler.add([group])
            except Exception as error:  # what cannot even begin fails like a step
                log.exception("requests could not be started")
                group.fail(EngineUnavailable(_failed(error)))
                self._release(group.policy)

    def _drop(self, groups: Sequence[RequestGroup]) -> None:
        for group in groups:
            if self._scheduler.remove(group):
                self._release(group.policy)

    def _unload(self, name: str) -> None:
        self._context.drop_adapter(name)
        self._adapters.unload(name)

    def _load(self, name: str, folder: Path) -> None:
        self._adapters.load(name, folder)
        row = new_row([min(self._loaded.eos_ids, default=0)], Sampling(0.0, max_tokens=1), 1)
        self._adapters.activate(name)
        self._context.forward.load(name, self._adapters.inner(name))
        try:
            decoder = self._start(Policy(name))
            decoder.add([row])
            decoder.step()
            reason = "" if math.isfinite(sum(row.logps)) else "it answers with NaN"
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
        if reason:
            self._unload(name)
            raise AdapterRejected(
                f"The adapter in {str(folder)!r} could not answer one token: {reason}. "
                "Train it again."
            )

    def _end(self) -> None:
        self._closing.set()
        with self._post_lock:
            self._ended = True
        self._process_messages(wait=False)
        for batch in self._scheduler:
            self._fail(batch, EngineUnavailable(self._failure or _CLOSED))


def _failed(error: Exception) -> str:
    return f"The model failed: {_first_line(error)} Try again."


def _first_line(error: Exception) -> str:
    said = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}{f': {said}' if said else ''}."
