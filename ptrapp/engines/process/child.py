"""Has the model: `python -m ptrapp.engines.process.child DESCRIPTOR`, started by the app.

The descriptor is the end of a connection (`ptrapp.engines.process.messages`). The process ends
when the connection does, so it never outlives its app, however that ended.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ptrapp.core import logs
from ptrapp.core.errors import EngineError, EngineUnavailable
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Engine
from ptrapp.engines.process.messages import (
    Cancel,
    EngineCall,
    EngineEnding,
    ModelOpened,
    Raised,
    Reply,
    Returned,
)

log = logging.getLogger(__name__)

NICENESS = 5
"""By which the model stands back behind the pages where both want a core: a vote takes a
millisecond of it, and an answer takes seconds anyway. Not while it is loaded, for which everybody
waits: on a busy machine that took more than twice as long."""
_THREADS = Path("/proc/self/task")
_ENDED = 70
"""Exit status after the engine gave up."""

T = TypeVar("T")


def main(descriptor: int) -> NoReturn:
    """Serves the app at the other end of the connection until that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both, and the app ends this one
    try:
        Child(Connection(descriptor)).serve()
    except (EOFError, OSError):  # the app has gone
        _leave(0)


class Child:
    """Answers the app's calls with an engine that is opened at the first message."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._cancelled: set[int] = set()
        self._streaming: set[int] = set()
        self._lock = threading.Lock()
        """Held around the two sets."""
        self._in_order = ThreadPoolExecutor(1, "versions")
        """Publishes and retires, one after the other and as they were asked for."""
        self._engine: Engine

    def serve(self) -> NoReturn:
        """Reads until the connection ends, and never waits for the engine meanwhile."""
        settings: Settings = self._connection.recv()
        logs.set_up(settings.log_level)
        self._in_order.submit(self._open, settings)
        while True:
            match self._connection.recv():
                case EngineCall(_, "stream", _) as call:
                    with self._lock:
                        self._streaming.add(call.number)
                    threading.Thread(target=self._stream, args=(call,), daemon=True).start()
                case EngineCall() as call:
                    self._in_order.submit(self._answer, call)
                case Cancel(number):
                    with self._lock:
                        self._cancelled |= {number} & self._streaming

    def _open(self, settings: Settings) -> None:
        from ptrapp.engines.opening import open_engine  # torch: while the connection is read

        def opened() -> ModelOpened:
            self._engine = engine = open_engine(settings)
            _stand_back()
            return ModelOpened(
                engine.model_id, engine.context_length, engine.thought_format, engine.about
            )

        self._send(_outcome(opened))

    def _answer(self, call: EngineCall) -> None:
        def returned() -> Returned:
            return Returned(getattr(self._engine, call.method)(*call.arguments))

        self._send(Reply(call.number, _outcome(returned)))
        self._end_with_engine()

    def _stream(self, call: EngineCall) -> None:
        def streamed() -> Returned:
            with closing(self._engine.stream(*call.arguments)) as events:
                for event in events:
                    if call.number in self._cancelled:
                        break
                    self._send(Reply(call.number, event))
            return Returned(None)

        self._send(Reply(call.number, _outcome(streamed)))
        with self._lock:
            self._streaming.discard(call.number)
            self._cancelled.discard(call.number)
        self._end_with_engine()

    def _end_with_engine(self) -> None:
        """Ends the process when its engine has: the app starts another."""
        if (reason := self._engine.failure) is not None:
            self._send(EngineEnding(reason))
            _leave(_ENDED)

    def _send(self, message: Any) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:  # the app has gone
            _leave(0)


def _stand_back() -> None:
    """Lowers the priority of all threads, which each has for itself on Linux, and hands on."""
    if not _THREADS.is_dir():
        os.nice(NICENESS)
        return
    lower = min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
    for thread in _THREADS.iterdir():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.setpriority(os.PRIO_PROCESS, int(thread.name), lower)


def _outcome(call: Callable[[], T]) -> T | Raised:
    """Returns what the call returns, or its error as one that the app's pages can say."""
    try:
        return call()
    except EngineError as error:
        return Raised(error)
    except Exception as error:  # the app is to read of it, whatever it is
        log.exception("the engine failed")
        words = str(error).strip().splitlines() or [type(error).__name__]
        return Raised(EngineUnavailable(f"The engine failed: {words[0].rstrip('.')}."))


def _leave(status: int) -> NoReturn:
    """Ends the process at once: there is nothing here that has to be kept."""
    os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
