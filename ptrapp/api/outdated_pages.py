"""Refuses the events of a page that other code made than that which runs now."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = "Thrice-Pages"
"""By which a page says which pages it is one of; a program says nothing."""
_SAID = (
    "The app was updated since this page was loaded, so nothing was done. Copy what is typed here "
    "and load the page again."
)


class OutdatedPages:
    """Answers in words what an outdated page sends: by its numbers, it would be something else."""

    def __init__(self, app: ASGIApp, pages: int) -> None:
        self._app = app
        self._pages = str(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            named = Headers(scope=scope).get(HEADER)
            if named and named != self._pages:
                answer = JSONResponse({"error": _SAID}, 409)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
