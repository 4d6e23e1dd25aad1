"""Protects everything that is served: checks hosts, origins and sizes, and sets headers."""

from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Largest accepted body; the longest prompt is far below."""
LARGER = {"/api/v1/import": 32 * 1024 * 1024}
"""Limits of the paths that take files."""
MOST_DRAINED_BYTES = max(LARGER.values()) + 1024 * 1024
"""Largest body that is read to its end before it is refused."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """Refuses foreign hosts, writes from other sites and enormous bodies."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts
        """Host names served; None serves any, for an app that is open to everybody."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = LARGER.get(scope["path"].removeprefix(scope.get("root_path", "")), MAX_BODY_BYTES)
        refusal = self._refusal(scope["method"], Headers(scope=scope), limit)
        bounded = _Bounded(receive, limit)
        if refusal:
            status, sentence = refusal
            await bounded.drain(Headers(scope=scope))
            await JSONResponse({"error": sentence}, status)(scope, receive, send)
            return

        cut_off = False

        async def send_guarded(message: Message) -> None:
            nonlocal cut_off
            if message["type"] == "http.response.start":
                cut_off = bounded.exceeded
                if message["status"] >= 400 or cut_off:
                    await bounded.drain(Headers(scope=scope))
                if cut_off:  # whatever the app answers to half a body, this is the reason
                    await JSONResponse({"error": _too_large(limit)}, 413)(scope, receive, send)
                MutableHeaders(scope=message).update(_HEADERS)
            if not cut_off:
                await send(message)

        await self._app(scope, bounded, send_guarded)

    def _refusal(self, method: str, headers: Headers, limit: int) -> tuple[int, str] | None:
        host = headers.get("host", "")
        name = _parts(f"//{host}").hostname or ""
        if self._hosts is not None and name not in self._hosts:
            return 421, (
                f"This server does not answer for the host {name!r}. Open the address it printed "
                "at its start, or start it with that --host or --allowed-host."
            )
        if method in _SAFE:
            return None
        origin = headers.get("origin")
        if headers.get("sec-fetch-site") == "cross-site" or (
            origin and _parts(origin).netloc != host
        ):
            return 403, "Requests from other sites are refused."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            return 413, _too_large(limit)
        return None


def _too_large(limit: int) -> str:
    return f"The request is larger than {limit // 2**20} MB. Send less at once."


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


class _Bounded:
    """Receives a body up to the limit; one that announces no length is cut off there."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._n_bytes = 0
        self._ended = False
        self.exceeded = False

    async def __call__(self) -> Message:
        message = await self._take()
        if self._n_bytes > self._limit:
            self.exceeded = True
            return {"type": "http.disconnect"}
        return message

    async def drain(self, headers: Headers) -> None:
        """Reads and drops the rest of a body, unless it is larger than any that is accepted.

        A proxy that is still sending when the answer comes and the connection ends says 502 instead
        of what the answer says.
        """
        length = headers.get("content-length", "0")
        if "transfer-encoding" not in headers and length == "0":
            return
        if not length.isdecimal() or int(length) > MOST_DRAINED_BYTES:
            return
        while not self._ended and self._n_bytes <= MOST_DRAINED_BYTES:
            await self._take()

    async def _take(self) -> Message:
        message = await self._receive()
        self._n_bytes += len(message.get("body", b""))
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message
