"""Bounds uploads, Gradio's own as well: by role, and by what one person sends in an hour."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from db.storage.errors import DatabaseError
from ptrapp.api.errors import answer_to
from ptrapp.api.guard import LARGER, MAX_BODY_BYTES
from ptrapp.api.session import identify
from ptrapp.core.errors import Forbidden, TooMuch
from ptrapp.core.people import ADMINS
from ptrapp.services import shares
from ptrapp.services.context import DataContext

_PATHS = ("/gradio_api/upload", "/api/v1/import")
_LEAST = 4096
"""Bytes counted for any upload, which is a row at least, however small it is."""


class Uploads:
    """Refuses uploads of roles that have no page for them, and those over a person's quota."""

    def __init__(self, app: ASGIApp, context: DataContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path.rstrip("/").startswith(_PATHS):
                try:
                    await run_in_threadpool(self._count, scope, path)
                except (Forbidden, TooMuch, DatabaseError) as error:
                    await answer_to(error)(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _count(self, scope: Scope, path: str) -> None:
        """Counts as much as is announced, else as much as the guard lets through."""
        person = identify(HTTPConnection(scope))
        if person.role not in ADMINS:
            raise Forbidden(f"Uploading is not for the role {person.role.value}.")
        length = Headers(scope=scope).get("content-length", "")
        most = LARGER.get(path, MAX_BODY_BYTES)
        n_bytes = int(length) if length.isdecimal() else most
        shares.take_upload(self._context, person.rater, max(n_bytes, _LEAST))
