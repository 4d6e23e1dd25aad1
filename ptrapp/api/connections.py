"""Bounds connections: how many there are, and how long one may take to ask.

Each connection takes one of the files a program may have open. With the table full the database and
the model's files could not be opened any more, so connections end before that. One that rests is
kept for long where there is room: a proxy that sends a request on a connection that ends in that
moment cannot know whether the request was read, and answers 502.
"""

import asyncio
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if sys.platform != "win32":
    import resource

KEPT_FILES = 256
"""Files that are left for the database, models, imports and jobs."""

REST_S = 150
"""Seconds a connection without a request is kept: longer than proxies keep theirs (Caddy 120)."""


_LOOK_S = 0.5
"""Seconds between two looks at who has been silent for too long: a timer for each connection would
be set and taken back twice a request."""


class Waiting:
    """Connections without a request, the oldest first, and how many connections may be in all."""

    def __init__(self, most: int, timeout_s: float) -> None:
        self.most = most
        self.timeout_s = timeout_s
        self.silent: dict[Any, float] = {}
        """Until when each may be silent, by the loop's clock."""
        self._looks = False

    def began(self, protocol: Any) -> None:
        """Notes a connection that has begun to ask, and closes it unless it has asked in time."""
        self._close_after(self.timeout_s, protocol)

    def rests(self, protocol: Any) -> None:
        """Notes a connection that asks nothing, and closes it if that stays so for long."""
        self._close_after(protocol.timeout_keep_alive, protocol)

    def asked(self, protocol: Any) -> None:
        """Forgets a connection: its request's head has come, or it is gone."""
        self.silent.pop(protocol, None)

    def close(self, protocol: Any) -> None:
        """Closes a connection that is silent or one too many."""
        self.asked(protocol)
        if protocol.transport is not None:
            protocol.transport.abort()

    def make_room(self, protocol: Any) -> None:
        """Closes the one silent for longest where there are too many, else the new one."""
        if len(protocol.connections) > self.most:
            self.close(next(iter(self.silent), protocol))

    def _close_after(self, seconds: float, protocol: Any) -> None:
        self.asked(protocol)  # it is the youngest now
        loop = asyncio.get_running_loop()
        self.silent[protocol] = loop.time() + seconds
        if not self._looks:
            self._looks = True
            loop.call_later(_LOOK_S, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Closes who has been silent for too long, and looks again while anybody is silent."""
        now = loop.time()
        for protocol in [each for each, until in self.silent.items() if until <= now]:
            self.close(protocol)
        self._looks = bool(self.silent)
        if self._looks:
            loop.call_later(_LOOK_S, self._look, loop)


def bounded(most: int, timeout_s: float) -> type[HttpToolsProtocol]:
    """Returns a protocol for uvicorn whose connections are bounded."""
    waiting = Waiting(_within_the_table(most), timeout_s)

    class Bounded(HttpToolsProtocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            waiting.make_room(self)
            if not transport.is_closing():
                waiting.rests(self)

        def connection_lost(self, exc: Exception | None) -> None:
            waiting.asked(self)
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            waiting.began(self)

        def on_headers_complete(self) -> None:
            waiting.asked(self)
            super().on_headers_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.timeout_keep_alive_task is not None:  # else it closes, or has asked again
                waiting.rests(self)

    return Bounded


def _within_the_table(most: int) -> int:
    """Raises the soft limit of open files, and returns how many connections it has room for."""
    if sys.platform == "win32":
        return most  # its table has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + KEPT_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(8, min(most, soft - KEPT_FILES))
    return most
