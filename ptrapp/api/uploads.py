"""Bounds uploads, Gradio's own as well: by role, and by what one person sends in an hour."""

import time
from collections import deque
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ptrapp.api.session import person_of
from ptrapp.core.people import ADMINS

_PATHS = ("/gradio_api/upload", "/api/v1/import")
_HOUR_S = 3600.0
_MIB = 1024 * 1024
_UNTOLD = 4 * _MIB
"""Counted for a body that announces no length: the guard lets no larger one through."""


class Uploads:
    """Refuses uploads of roles that have no page for them, and those over a person's quota."""

    def __init__(
        self, app: ASGIApp, mib_per_hour: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._most = mib_per_hour * _MIB
        self._clock = clock
        self._sent: dict[str, deque[tuple[float, int]]] = {}
        """Person → when, and how many bytes, over the last hour."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path.rstrip("/").startswith(_PATHS) and (refusal := self._refusal(scope)):
            status, sentence = refusal
            await JSONResponse({"error": sentence}, status)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        person = person_of(HTTPConnection(scope))
        if person.role not in ADMINS:
            return 403, f"Uploading is not for the role {person.role.value}."
        length = Headers(scope=scope).get("content-length", "")
        n_bytes = int(length) if length.isdecimal() else _UNTOLD
        now = self._clock()
        for who in [who for who, sent in self._sent.items() if sent[-1][0] < now - _HOUR_S]:
            del self._sent[who]
        sent = self._sent.get(person.rater, deque())
        while sent and sent[0][0] < now - _HOUR_S:
            sent.popleft()
        if sum(n for _, n in sent) + n_bytes > self._most:
            return 429, (
                f"You have uploaded {self._most // _MIB} MiB within an hour, which is the most; "
                "try later, or import the file with: thrice import FILE"
            )
        self._sent.setdefault(person.rater, sent).append((now, n_bytes))
        return None
