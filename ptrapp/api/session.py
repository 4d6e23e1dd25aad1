"""Who is asking: a signed cookie that names the browser as a rater, set on the first page."""

import os
import secrets
from pathlib import Path

from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "thrice"
_KEY_BYTES = 32


def secret_key(data_dir: Path) -> str:
    """Read the key that signs cookies, or make it on the first start, for the owner's eyes only."""
    path = data_dir / "session.key"
    if not path.exists() or not path.stat().st_size:
        data_dir.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(_KEY_BYTES))
        unfinished.rename(path)  # a program killed in between leaves no empty key
    return path.read_bytes().hex()


class NamedVisitor:
    """Gives a session without a name one, so that every vote has a rater."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "rater" not in scope["session"]:
            scope["session"]["rater"] = f"visitor-{secrets.token_hex(4)}"
        await self._app(scope, receive, send)


def rater_of(connection: HTTPConnection) -> str:
    """Name of the rater this browser is."""
    return str(connection.session["rater"])


def with_sessions(app: ASGIApp, key: str) -> ASGIApp:
    """Wrap an application so that `rater_of` works in every request."""
    return SessionMiddleware(
        NamedVisitor(app),
        secret_key=key,
        session_cookie=COOKIE,
        max_age=365 * 86400,
        same_site="lax",
    )
