"""Answers a person's browser with a page where an address has none; programs get JSON."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ptrapp.api import door_pages
from ptrapp.api.page_files import is_static, path_of
from ptrapp.api.proxy import root_of
from ptrapp.api.session import person_of
from ptrapp.services.frame import PAGES

_NO_PAGE = (404, 405)
_OF_PROGRAMS = ("/api/", "/gradio_api/")


class UnknownPages:
    """Sends a page in place of "Not Found" to who typed an address or followed an old link."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_for_a_page(scope):
            await self._app(scope, receive, send)
            return
        nothing = False

        async def send_or_note(message: Message) -> None:
            nonlocal nothing
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                nothing = message["status"] in _NO_PAGE and "json" in kind
            if not nothing:
                await send(message)

        await self._app(scope, receive, send_or_note)
        if nothing:
            request = Request(scope)
            person = person_of(request)
            own = [name for name, roles in PAGES if person.role in roles]
            page = door_pages.no_page(root_of(request), path_of(scope), own)
            await HTMLResponse(page, 404)(scope, receive, send)


def _is_for_a_page(scope: Scope) -> bool:
    path = path_of(scope)
    asks = "text/html" in Headers(scope=scope).get("accept", "")
    return (
        asks and scope["method"] == "GET" and not (is_static(path) or path.startswith(_OF_PROGRAMS))
    )
