"""Keeps pages for the roles that may use them, and leads who only labels to Label."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ptrapp.api import door_pages
from ptrapp.api.proxy import root_of
from ptrapp.api.session import person_of
from ptrapp.core.people import READS, Role
from ptrapp.services.frame import PAGES

_ROLES: dict[str, tuple[str, frozenset[Role]]] = {
    f"/{'' if name == 'Play' else name.lower()}": (name, roles)
    for name, roles in (*PAGES, ("History", READS))
}
"""Of each address, the page that is there and whose it is."""


class PagesOfRoles:
    """Answers a page's address in words where the person's role may not use the page.

    What the page's routes and events may do is checked there; this saves people an empty frame.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _instead(Request(scope)) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)


def _instead(request: Request) -> Response | None:
    """Returns what is answered in place of the page, None where the page is to be sent."""
    root = root_of(request)
    path = request.scope["path"].removeprefix(root)
    name, roles = _ROLES.get(path.rstrip("/") or "/", ("", None))
    if roles is None or request.method not in ("GET", "HEAD"):
        return None
    if path != "/" and path.endswith("/"):  # Gradio would forget the prefix, and the query
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{root}{path.rstrip('/') or '/'}{query}", 307)
    person = person_of(request)
    if person.role in roles:
        return None
    own = next((page for page, its in PAGES if person.role in its), "")
    if name == "Play" and own and "run" not in request.query_params:
        return RedirectResponse(f"{root}/{own.lower()}", 303)
    return HTMLResponse(door_pages.not_for(root, name, roles, person, own), 403)
