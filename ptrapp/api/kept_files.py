"""Keeps in memory what never changes, as it was sent: styles and scripts with a hash in their name.

A page's first visit asks for eighty of them, and Gradio finds, opens, reads and closes a file anew
for each, in a thread for every step.
"""

from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ptrapp.api.page_files import never_changes, path_of

_MOST_BYTES = 64 * 1024
"""Of a body as it is sent. Few are larger, and those are compressed better a moment later."""
_MOST_FILES = 2_000
_FOR_EVERYBODY = (b"content-type", b"content-encoding", b"content-length", b"cache-control")
"""Headers of a kept file. Others were for who asked first."""


class _File(NamedTuple):
    """What everybody is sent at a path, for as long as the app runs."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class KeptFiles:
    """Answers from memory what was asked for before and never changes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files: dict[tuple[str, bool], _File] = {}
        """By path, and whether it is compressed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not never_changes(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        is_other = origin is not None and origin.partition("://")[2] != headers.get("host")
        if "range" in headers or is_other:  # whether another site may read it is Gradio's to say
            await self._app(scope, receive, send)
            return
        key = path_of(scope), "br" in headers.get("accept-encoding", "")
        file = self._files.get(key)
        if file is None:
            answer = _Noted(send)
            await self._app(scope, receive, answer)
            if answer.is_whole and len(self._files) < _MOST_FILES:
                self._files[key] = _File(answer.headers, bytes(answer.body))
            return
        # lists of their own: what is around this adds headers to an answer
        head = {"type": "http.response.start", "status": 200, "headers": [*file.headers]}
        await send(head)
        await send({"type": "http.response.body", "body": file.body})


class _Noted:
    """Passes an answer on, and notes it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ended = False
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    @property
    def is_whole(self) -> bool:
        """Whether it was sent to its end, was found, and is small enough to be kept."""
        return self._ended and bool(self.headers) and len(self.body) <= _MOST_BYTES

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            vary = (b"vary", b"Accept-Encoding")
            headers = [each for each in message["headers"] if each[0].lower() in _FOR_EVERYBODY]
            self.headers = [*headers, vary]
        elif message["type"] == "http.response.body":
            if len(self.body) <= _MOST_BYTES:
                self.body += message.get("body", b"")
            self._ended = not message.get("more_body", False)
        await self._send(message)
