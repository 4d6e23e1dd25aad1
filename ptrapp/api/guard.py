"""Protects everything that is served: checks hosts, origins and sizes, and sets headers."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ptrapp.api.page_files import is_static
from ptrapp.api.texts import cannot_be_stored, json_cannot_be_stored
from ptrapp.core.file_table import FULL_TABLE, is_out_of_files, opens_nothing

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Largest accepted body; the longest prompt is far below."""
LARGER = {"/api/v1/import": 32 * 1024 * 1024}
"""Limits of the paths that take files."""
MOST_DRAINED_BYTES = max(LARGER.values()) + 1024 * 1024
"""Largest body that is read to its end before it is refused."""
TIMEOUT_S = 30.0
_LEAST_S = 0.01
"""What a part that has come already is given to be handed over."""

_GRADIO = "/gradio_api/"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MIB = 1024 * 1024
_NO_DOCUMENT = ("application/javascript", "text/javascript", "text/css")
_OF_FILES = ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")


class Guard:
    """Refuses foreign hosts, writes from other sites, enormous or endless bodies, and text that
    cannot be stored; answers what Gradio's own routes raise at a malformed request."""

    def __init__(
        self,
        app: ASGIApp,
        serves: Callable[[str], bool],
        headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._app = app
        self._serves = serves
        """Whether a host name is served."""
        self._headers = headers or {}
        """Set on every answer."""
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = LARGER.get(path, MAX_BODY_BYTES)
        headers = Headers(scope=scope)
        bounded = _Bounded(receive, limit, self._timeout_s)
        refusal = self._refusal(scope, headers, limit)
        body: bytes | None = None
        if not refusal and headers.get("content-type", "").startswith("application/json"):
            body = await bounded.whole()
            if bounded.exceeded:
                refusal = 413, _too_large(limit)
            elif bounded.late:
                refusal = 408, _LATE
            elif body is None:
                return  # who asked is gone
            elif mistake := json_cannot_be_stored(body):
                refusal = 400, mistake
        if refusal:
            status, sentence = refusal
            await bounded.drain(headers)
            answer = JSONResponse({"error": sentence}, status, self._headers)
            await answer(scope, receive, send)
            return
        await self._pass_on(scope, path, _Again(body, bounded) if body is not None else bounded,
                            bounded, receive, send)  # fmt: skip

    async def _pass_on(
        self,
        scope: Scope,
        path: str,
        source: Receive,
        bounded: "_Bounded",
        receive: Receive,
        send: Send,
    ) -> None:
        cut_off = started = False

        async def refuse(status: int, sentence: str) -> None:
            answer = JSONResponse({"error": sentence}, status, self._headers)
            await answer(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            nonlocal cut_off, started
            if message["type"] == "http.response.start":
                broken = path.startswith(_GRADIO) and message["status"] == 500
                cut_off = bounded.exceeded or bounded.late or broken
                if message["status"] >= 400 or cut_off:
                    await bounded.drain(Headers(scope=scope))
                if bounded.late:
                    await refuse(408, _LATE)
                elif bounded.exceeded:  # whatever the app answers to half a body, this is why
                    await refuse(413, _too_large(bounded.limit))
                elif broken:
                    await refuse(*((503, FULL_TABLE) if opens_nothing() else (400, _MALFORMED)))
                started = True
                MutableHeaders(scope=message).update(_needed(self._headers, path, message))
            if not cut_off:
                await send(message)

        try:
            await self._app(scope, source, send_guarded)
        except Exception as error:
            if is_out_of_files(error) and not started:
                await refuse(503, FULL_TABLE)
                return
            if not path.startswith(_GRADIO):
                raise
            # Gradio's own routes read fields that a malformed request has not: a sentence and a
            # line, no traceback. Page events run in its queue and do not raise here.
            log.warning("%s %s: %s", scope["method"], path, type(error).__name__)
            if not started:
                await refuse(400, _MALFORMED)

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> tuple[int, str] | None:
        method = scope["method"]
        host = headers.get("host", "")
        name = _parts(f"//{host}").hostname or ""
        if not self._serves(name):
            return 421, (
                f"This server does not answer for the host {name!r}. Open the address it printed "
                "at its start, or start it with that --host or --allowed-host."
            )
        if mistake := cannot_be_stored(scope["path"], scope.get("query_string", b"")):
            return 400, mistake
        if method in _SAFE:
            return None
        origin = headers.get("origin")
        if headers.get("sec-fetch-site") == "cross-site" or (
            origin and _parts(origin).netloc != host
        ):
            return 403, "Requests from other sites are refused."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > limit:
            return 413, _too_large(limit)
        return None


_LATE = "The request did not arrive in time; send it again."
_MALFORMED = "The request has not the form that the page sends; load the page again."


def security_headers(*, framed: bool, framed_by: tuple[str, ...], hub: str = "") -> dict[str, str]:
    """Returns the headers of every answer: no foreign sources, and a frame where one is meant.

    Gradio's pages need inline scripts and styles, and compile templates (`unsafe-eval`); `hub` is
    where the form for signing in leads to.
    """
    ancestors = " ".join(framed_by or ("*",)) if framed else "'none'"
    policy = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": f"'self' {hub}".strip(),
        "frame-ancestors": ancestors,
    }
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return headers if framed else headers | {"X-Frame-Options": "DENY"}


def _needed(headers: dict[str, str], path: str, start: Message) -> dict[str, str]:
    """Returns the headers of an answer: without those of documents for a script or a style.

    They would be a fifth of what a page of a hundred files weighs.
    """
    kind = Headers(raw=start["headers"]).get("content-type", "").partition(";")[0]
    if is_static(path) and kind in _NO_DOCUMENT:
        return {name: headers[name] for name in _OF_FILES if name in headers}
    return headers


def _too_large(limit: int) -> str:
    return f"The request is larger than {limit // _MIB} MB. Send less at once."


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


class _Bounded:
    """Receives a body up to the limit and in time; the rest is cut off there."""

    def __init__(self, receive: Receive, limit: int, timeout_s: float) -> None:
        self._receive = receive
        self.limit = limit
        self._timeout_s = timeout_s
        self._began = asyncio.get_running_loop().time()
        self._n_bytes = 0
        self._ended = False
        self.exceeded = False
        self.late = False

    async def __call__(self) -> Message:
        message = await self._take()
        if self._n_bytes > self.limit:
            self.exceeded = True
            return {"type": "http.disconnect"}
        return message

    async def whole(self) -> bytes | None:
        """Returns the whole body; None where it did not come whole."""
        parts = []
        while not self._ended:
            message = await self()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
        return b"".join(parts)

    async def drain(self, headers: Headers) -> None:
        """Reads and drops the rest of a body, unless it is larger than any that is accepted.

        A proxy that is still sending when the answer comes and the connection ends says 502 instead
        of what the answer says.
        """
        length = headers.get("content-length", "0")
        if "transfer-encoding" not in headers and length == "0":
            return
        if not length.isdecimal() or int(length[:20]) > MOST_DRAINED_BYTES:
            return
        while not self._ended and self._n_bytes <= MOST_DRAINED_BYTES:
            await self._take()

    async def _take(self) -> Message:
        if self._ended:  # what follows a body is the end of the connection, which may last
            return await self._receive()
        allowed = self._timeout_s * (1 + self._n_bytes // _MIB)
        left = self._began + allowed - asyncio.get_running_loop().time()
        try:
            # what has come is taken even so: an answer may be made for longer than a body may take
            async with asyncio.timeout(max(left, _LEAST_S)):
                message = await self._receive()
        except TimeoutError:
            self.late = self._ended = True
            return {"type": "http.disconnect"}
        self._n_bytes += len(message.get("body", b""))
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class _Again:
    """Hands on a body that was read already, then whatever follows."""

    def __init__(self, body: bytes, bounded: _Bounded) -> None:
        self._body: bytes | None = body
        self._bounded = bounded

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._bounded()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}
