"""Builds the HTTP routes when one is first asked for, or soon after the start: pages come first.

Three hundred routes, with the schemas of what they take, are half a second of a start, and no page
needs one of them to be shown.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match, get_route_path
from starlette.types import Receive, Scope, Send

Routes = Sequence[BaseRoute]


class AllUnder(BaseRoute):
    """Takes every HTTP request under a prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = get_route_path(scope)
        is_under = scope["type"] == "http" and f"{path}/".startswith(f"{self.prefix}/")
        return (Match.FULL if is_under else Match.NONE), {}


class LateRoutes(AllUnder):
    """Stands in a table of routes for those under a prefix, until they are built."""

    def __init__(self, prefix: str, build: Callable[[], Routes]) -> None:
        super().__init__(prefix)
        self._build = build
        self._lock = threading.Lock()
        self._built: Routes | None = None

    def built(self) -> Routes:
        """Returns the routes, built at the first call. Any thread may ask."""
        with self._lock:
            if self._built is None:
                self._built = self._build()
            return self._built

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await run_in_threadpool(self.built)
        app: LateApp = scope["app"]
        app.settle()
        await app.router.app(scope, receive, send)


class LateApp(FastAPI):
    """An app some of whose routes may be built late; its schema has them all."""

    def build_late(self) -> None:
        """Builds what is not built, in any thread; it is put in its place when it is asked for."""
        for route in self.router.routes:
            if isinstance(route, LateRoutes):
                route.built()

    def settle(self) -> None:
        """Puts routes that were late in their places, building what is not built.

        Call it in the thread of the event loop, or before it runs.
        """
        table = self.router.routes
        for at, route in reversed(list(enumerate(table))):
            if isinstance(route, LateRoutes):
                table[at : at + 1] = route.built()
                self.openapi_schema = None

    def openapi(self) -> dict[str, Any]:
        self.settle()
        return super().openapi()
