"""Cancels a stream from another thread, also while the stream waits for bytes."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from ptrapp.core.errors import EngineError


class Call:
    """The connection of one candidate, over its retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._last_token_at: float | None = None
        self._stopped = threading.Event()
        self.reason: EngineError | None = None
        """Why it was cancelled for good."""
        self.idle = False
        """Whether the current attempt was cancelled because no token came."""

    def opened(self, stream: Any) -> None:
        with self._lock:
            self._stream, self._last_token_at, self.idle = stream, None, False
            if self.reason:
                _shut_down(stream)

    def closed(self) -> None:
        with self._lock:
            self._stream = None

    def token(self) -> None:
        self._last_token_at = time.monotonic()

    def cancel(self, reason: EngineError) -> None:
        """Ends it now and for good."""
        with self._lock:
            self.reason = self.reason or reason
            self._stopped.set()
            if self._stream is not None:
                _shut_down(self._stream)

    def cancel_if_idle(self, idle_s: float) -> None:
        """Ends the attempt when its last token is `idle_s` ago; before the first token the HTTP
        timeout applies."""
        with self._lock:
            last = self._last_token_at
            if self._stream is None or last is None or time.monotonic() - last < idle_s:
                return
            self.idle = True
            _shut_down(self._stream)

    def wait(self, seconds: float) -> bool:
        """Sleeps unless it is cancelled; returns whether it was not."""
        return not self._stopped.wait(seconds)


def _shut_down(stream: Any) -> None:
    """Shuts the socket down: closing it would not wake a thread that reads from it."""
    network = stream.response.extensions.get("network_stream")
    connection = network.get_extra_info("socket") if network is not None else None
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
