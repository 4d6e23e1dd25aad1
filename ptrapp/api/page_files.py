"""Sends what pages are made of small, and has browsers keep what has a hash in its name.

Gradio compresses files whose name has an ending, and pages have none; our modules it does not see.
What is for one person is never compressed: the size of an answer that holds both a secret and what
a stranger chose would tell of the secret. A page of Gradio's is the same for everybody.
"""

import asyncio
from hashlib import sha256
from posixpath import normpath

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = ("/assets/", "/static/", "/svelte/", "/modules/", "/theme.css")
"""Files that everybody is sent."""
_NAMED_BY_HASH = ("/assets/", "/modules/")
"""Below these, and where `?v=` is a hash, a path has the same content for ever."""
FOREVER = "public, max-age=31536000, immutable"
_LEAST_BYTES = 500
_LEAST_PAGE_BYTES = 50_000
"""Smaller HTML is a page at the door or of an account, which is for one person."""
_MOST_BYTES = 8 * 1024 * 1024
_MOST_KEPT = 2_000
_TEXT = ("text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml")
_MOST_PAGES_KEPT = 32
_QUICK, _GOOD = 5, 10
"""2 ms for 200 KB; and 100 ms for the same and a tenth smaller, of what is compressed once: a file,
and a page, which is the same for everybody until the app is started anew."""
_LARGE_BYTES = 200_000
"""Whoever asks first for a file as large would wait too long for the tenth: later ones have it."""
_OF_ASKING_AGAIN = ("etag", "last-modified", "accept-ranges")
"""Headers that a file that never changes does not need."""


def is_static(path: str) -> bool:
    """Returns whether everybody is sent the same at a path, below the app's own."""
    return path.startswith(STATIC)


def never_changes(scope: Scope) -> bool:
    """Returns whether what is asked for has a hash in its name, and is called by that alone.

    A file has any number of other paths (`/assets/./a-1f.js`), under which nothing is kept.
    """
    path = path_of(scope)
    if normpath(path) != path:
        return False
    versioned = path == "/theme.css" and scope.get("query_string", b"").startswith(b"v=")
    return path.startswith(_NAMED_BY_HASH) or versioned


def path_of(scope: Scope) -> str:
    """Returns the path below the app's own."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path


class PageFiles:
    """Compresses pages, styles and scripts, and says how long a browser may keep them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files: dict[str, bytes] = {}
        """Compressed files by their path: their names have a hash."""
        self._pages: dict[str, bytes] = {}
        """Compressed pages by the hash of what they say."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        path, forever = path_of(scope), never_changes(scope)
        headers = Headers(scope=scope)
        if "br" not in headers.get("accept-encoding", "") or "range" in headers:
            await self._app(scope, receive, _Kept(send, forever=forever))
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        kept = self._files if forever else self._pages
        answer = _Compressed(send, path, kept, forever=forever)
        await self._app({**scope, "headers": plain}, receive, answer)


class _Kept:
    """Sends an answer, and says if a browser may keep it for good."""

    def __init__(self, send: Send, *, forever: bool) -> None:
        self._forever = forever
        self.send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200 and self._forever:
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = FOREVER
            for name in _OF_ASKING_AGAIN:
                del headers[name]
        await self.send(message)


class _Compressed(_Kept):
    """Sends an answer compressed, if it is a page or a file of pages."""

    def __init__(self, send: Send, path: str, kept: dict[str, bytes], *, forever: bool) -> None:
        super().__init__(send, forever=forever)
        self._path = path
        self._static = is_static(path)
        self._all = kept
        self._start: Message | None = None
        """The answer's head, while its body is collected."""
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._is_text(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False) or len(self._body) > _MOST_BYTES:
                await self._finish(self._start, more=message.get("more_body", False))
                self._start = None
        else:
            await super().__call__(message)

    def _is_text(self, start: Message) -> bool:
        headers = Headers(raw=start["headers"])
        kind = headers.get("content-type", "").partition(";")[0]
        plain = start["status"] == 200 and "content-encoding" not in headers
        return plain and kind in _TEXT and (self._static or kind == "text/html")

    async def _finish(self, start: Message, *, more: bool) -> None:
        body = bytes(self._body)
        least = _LEAST_BYTES if self._static else _LEAST_PAGE_BYTES
        if least <= len(body) and not more:
            body = await self._smaller(body)
            headers = MutableHeaders(scope=start)
            headers["Content-Encoding"] = "br"
            headers["Content-Length"] = str(len(body))
            headers.add_vary_header("Accept-Encoding")
        await super().__call__(start)
        await super().__call__({"type": "http.response.body", "body": body, "more_body": more})

    async def _smaller(self, body: bytes) -> bytes:
        """Returns the body compressed: as small as it gets where it will be asked for again."""
        name = self._path if self._forever else sha256(body).hexdigest()
        if (known := self._all.get(name)) is None:
            may_be_kept = len(self._all) < (_MOST_KEPT if self._forever else _MOST_PAGES_KEPT)
            large = len(body) >= _LARGE_BYTES
            quality = _GOOD if may_be_kept and not large else _QUICK
            known = await run_in_threadpool(_smaller, body, quality)
            if may_be_kept:
                self._all[name] = known
                if large:
                    self._better_later(name, body)
        return known

    def _better_later(self, name: str, body: bytes) -> None:
        """Compresses a large body well, in a thread, for those that ask next."""
        kept = self._all

        def compress() -> None:
            kept[name] = _smaller(body, _GOOD)

        asyncio.get_running_loop().run_in_executor(None, compress)


def _smaller(body: bytes, quality: int) -> bytes:
    found: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=quality)
    return found
