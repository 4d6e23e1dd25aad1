"""One process that has the model, and the connection to it: calls go out, replies come back."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.import_path import with_import_path
from ptrapp.core.progress import OnProgress
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Event
from ptrapp.engines.process.messages import (
    Cancel,
    EngineCall,
    EngineEnding,
    ModelOpened,
    Raised,
    Returned,
)

_CLOSED = "The engine is closed. Start the app again."
_MODULE = "ptrapp.engines.process.child"
_POLL_S = 0.3


class Link:
    """A started process with its model loaded. Every method may be called from any thread."""

    def __init__(
        self, settings: Settings, report: OnProgress, ended: Callable[[str], None]
    ) -> None:
        """Starts the process and waits for its model. Raises `ModelUnusable`, `EngineUnavailable`.

        `report` is called meanwhile, and may end it by raising. `ended` is called once, with the
        reason in words, when the process ends without `close`.
        """
        self._socket, there = socket.socketpair()
        with there:
            command = [sys.executable, "-m", _MODULE, str(there.fileno())]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                env=with_import_path(dict(os.environ)),
            )
        self._connection = Connection(os.dup(self._socket.fileno()))
        self._ended = ended
        self._sending = threading.Lock()
        self._lock = threading.Lock()
        """Held around the two below."""
        self._waiting: dict[int, SimpleQueue[Event | Returned | Raised]] = {}
        self._failure: str | None = None
        self._numbers = itertools.count(1)
        self._closing = False
        with ExitStack() as undo:
            undo.callback(self._release)
            self.opened = self._open(settings, report)
            undo.pop_all()
        self._reader = threading.Thread(target=self._read, name="engine", daemon=True)
        self._reader.start()

    @property
    def failure(self) -> str | None:
        """Why it answers no more; None while it does."""
        return self._failure

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, method: str, *arguments: Any) -> Any:
        """Returns what the engine's method returns, or raises what it raises."""
        with self._calling(method, arguments) as (_, replies):
            return _value(replies.get())

    def stream(self, *arguments: Any) -> Generator[Event, None, None]:
        """Yields the events of a call of `stream`; closing the generator cancels the call."""
        with self._calling("stream", arguments) as (number, replies):
            finished = False
            try:
                while not isinstance(reply := replies.get(), Returned | Raised):
                    yield reply
                finished = True
                _value(reply)
            finally:
                if not finished and self._failure is None:
                    self._send(Cancel(number))

    def close(self) -> None:
        """Ends the process at once; what waits for it gets `EngineUnavailable`."""
        self._closing = True
        self._process.kill()
        with suppress(OSError):  # it has ended before
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()

    def _open(self, settings: Settings, report: OnProgress) -> ModelOpened:
        try:
            self._connection.send(settings)
            while not self._connection.poll(_POLL_S):
                report("loading the weights")
            opened = self._connection.recv()
        except (EOFError, OSError) as error:
            raise EngineUnavailable(
                f"{self._why_it_ended()} The model was being loaded."
            ) from error
        if isinstance(opened, Raised):
            raise opened.error
        assert isinstance(opened, ModelOpened)
        return opened

    @contextmanager
    def _calling(
        self, method: str, arguments: tuple[Any, ...]
    ) -> Iterator[tuple[int, "SimpleQueue[Event | Returned | Raised]"]]:
        """Sends a call, whose replies come into the queue. Raises `EngineUnavailable`."""
        number = next(self._numbers)
        replies: SimpleQueue[Event | Returned | Raised] = SimpleQueue()
        with self._lock:
            if self._failure is not None:
                raise EngineUnavailable(self._failure)
            self._waiting[number] = replies
        try:
            self._send(EngineCall(number, method, arguments))
            yield number, replies
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def _send(self, message: EngineCall | Cancel) -> None:
        """Sends a message; if the process has gone, its reader tells everybody who waits."""
        with suppress(OSError), self._sending:
            self._connection.send(message)

    def _read(self) -> None:
        """Hands replies to the calls that they belong to, until the connection ends."""
        reason = ""
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, EngineEnding):
                    reason = message.reason
                elif (replies := self._waiting.get(message.number)) is not None:
                    replies.put(message.content)
        except (EOFError, OSError):
            pass
        words = _CLOSED if self._closing else reason or self._why_it_ended()
        with self._lock:
            self._failure = words
            waiting = list(self._waiting.values())
        for replies in waiting:
            replies.put(Raised(EngineUnavailable(words)))
        self._release()
        if not self._closing:
            self._ended(words)

    def _why_it_ended(self) -> str:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "The model's process closed its connection."
        if status == -signal.SIGKILL:
            return "The system ended the model's process, most often because memory ran out."
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return f"The model's process ended {how}; the log says more."

    def _release(self) -> None:
        self._process.kill()
        self._process.wait()
        with self._sending:
            self._connection.close()
        self._socket.close()


def _value(reply: Event | Returned | Raised) -> Any:
    if isinstance(reply, Raised):
        raise reply.error
    assert isinstance(reply, Returned)
    return reply.value
