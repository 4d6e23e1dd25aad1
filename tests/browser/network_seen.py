"""What the browser said of its requests, for the report of a test that failed."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Request

_STREAMS = ("/queue/data", "/heartbeat/")
"""Requests that are open for as long as their page."""


class NetworkSeen:
    """Errors, failed requests and open ones of all pages since a test began."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._open: dict[Request, str] = {}

    def begin(self) -> None:
        self._said.clear()
        self._open.clear()

    def watch(self, context: BrowserContext) -> None:
        context.on("request", self._began)
        context.on("requestfinished", self._finished)
        context.on("requestfailed", self._failed)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._said.append(f"raised {error.error}"))

    def report(self) -> str:
        """Returns a line for each; nothing where nothing is odd."""
        still_open = [f"open {url}" for url in self._open.values()]
        return "\n".join([*self._said[-40:], *still_open[-40:]])

    def _began(self, request: Request) -> None:
        if not any(stream in request.url for stream in _STREAMS):
            self._open[request] = f"{request.method} {request.url}"

    def _finished(self, request: Request) -> None:
        self._open.pop(request, None)

    def _failed(self, request: Request) -> None:
        if self._open.pop(request, None):
            self._said.append(f"failed {request.method} {request.url}: {request.failure}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._said.append(f"console {message.text}")
