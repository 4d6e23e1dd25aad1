"""A stream that can be broken off from another thread, also while it waits for bytes."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from ptrapp.core.errors import EngineError


class Call:
    """One candidate's place on the wire, over its retries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._last_token_at: float | None = None
        self._stopped = threading.Event()
        self.reason: EngineError | None = None
        """Why it was broken off for good."""
        self.idle = False
        """The attempt in hand was broken off because nothing came."""

    def opened(self, stream: Any) -> None:
        with self._lock:
            self._stream, self._last_token_at, self.idle = stream, None, False
            if self.reason:
                _cut(stream)

    def closed(self) -> None:
        with self._lock:
            self._stream = None

    def token(self) -> None:
        self._last_token_at = time.monotonic()

    def break_off(self, reason: EngineError) -> None:
        """End it now; whatever still comes is not wanted."""
        with self._lock:
            self.reason = self.reason or reason
            self._stopped.set()
            if self._stream is not None:
                _cut(self._stream)

    def break_off_if_idle(self, idle_s: float) -> None:
        """End the attempt when its last token is too long ago. Before the first, others watch."""
        with self._lock:
            last = self._last_token_at
            if self._stream is None or last is None or time.monotonic() - last < idle_s:
                return
            self.idle = True
            _cut(self._stream)

    def wait(self, seconds: float) -> bool:
        """Sleep unless it is broken off; returns whether it still is wanted."""
        return not self._stopped.wait(seconds)


def _cut(stream: Any) -> None:
    """Shut the socket down: closing it would not wake a thread that reads from it."""
    network = stream.response.extensions.get("network_stream")
    wire = network.get_extra_info("socket") if network is not None else None
    if wire is not None:
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
