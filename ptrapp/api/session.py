"""Identifies who sends a request, by a browser's signed cookie or a program's token."""

import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from itsdangerous import TimestampSigner
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from db.storage.errors import DatabaseError
from ptrapp.api.page_files import is_static
from ptrapp.core.people import Person, Role
from ptrapp.services.accounts import identifying
from ptrapp.services.accounts.identifying import SignedIn
from ptrapp.services.context import DataContext

COOKIE = "thrice"
_KEY_BYTES = 32
_COOKIES_KEPT = 1_024
"""Whose signature is not checked again."""
_PERSON = "thrice.person"
_SIGNED_IN = "thrice.signed_in"
_LOOK_UP = "thrice.look_up"
_NEEDS_ROWS = {"sid", "role"}
"""What a cookie holds of somebody who has to be looked up."""
_IN_ITS_THREAD = "/api/v1/"
"""Below this a route looks the person up in the thread that it works in: a thread more for each
request would cost twice what is asked of the database there."""
_ROOT = "thrice.root_path"
"""Where the app is found; Gradio is mounted below it and has a root path of its own."""


def secret_key(data_dir: Path) -> str:
    """Returns the key that signs cookies; the first start makes it, readable by its user alone."""
    path = data_dir / "session.key"
    if not path.exists() or not path.stat().st_size:
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(_KEY_BYTES), encoding="utf-8")
        with suppress(FileNotFoundError):
            if not path.stat().st_size:
                path.unlink()
        try:  # a program killed in between leaves no empty key
            path.hardlink_to(unfinished)
        except FileExistsError:
            pass  # made by another app that shares the folder
        except OSError:  # no such links here: two first starts at once would make two keys
            unfinished.rename(path)
        unfinished.unlink(missing_ok=True)
    return path.read_bytes().hex()


class KnownVisitor:
    """Identifies who sends a request: by its token, by its cookie, or as a new visitor.

    A cookie of a member holds the secret of her sign-in alone; who she is and what she may do is
    read from the rows each time, so that a role that is taken away is gone at once.
    """

    def __init__(self, app: ASGIApp, context: DataContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[_ROOT] = scope.get("root_path", "")
        path = scope["path"].removeprefix(scope["root_path"])
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        try:
            if scheme.lower() == "bearer":
                program = await run_in_threadpool(identifying.of_token, self._context, token)
                if program is None:
                    said = "This token is not valid or revoked; ask an admin for a new one."
                    await JSONResponse({"error": said}, 401)(scope, receive, send)
                    return
                scope[_PERSON] = program
            elif is_static(path):  # nobody is looked up for it
                scope[_PERSON] = Person("", Role.VIEWER)
            else:
                scope[_LOOK_UP] = self._look_up
                if not _NEEDS_ROWS & scope["session"].keys():
                    self._look_up(scope)  # a visitor: nothing is asked of the database
                elif not path.startswith(_IN_ITS_THREAD):
                    await identified(HTTPConnection(scope))
        except DatabaseError:
            said = "The database does not answer, so nobody can be recognised; try again."
            await JSONResponse({"error": said}, 503)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _look_up(self, scope: Scope) -> None:
        """Notes who sends a request from a browser; waits for the database."""
        session = scope["session"]
        known = self._signed_in(session)
        if known is not None:
            scope[_SIGNED_IN], scope[_PERSON] = known, known.person
            return
        if "sid" in session:  # signed out: what stays of her is not for who has this browser now
            session.clear()
        session.setdefault("rater", f"visitor-{secrets.token_hex(4)}")
        # A cookie of an earlier version has a name alone, which became that rater's identity.
        session.setdefault("uid", session["rater"])
        role = self._context.settings.visitor_role
        scope[_PERSON] = Person(session["rater"], role, session["uid"])

    def _signed_in(self, session: dict[str, Any]) -> SignedIn | None:
        if secret := session.get("sid"):
            return identifying.of_cookie(self._context, str(secret))
        if "role" not in session:
            return None
        # of a version without accounts, whose cookies held the role
        role, uid = session.pop("role"), str(session.get("uid", session.get("rater", "")))
        known = identifying.of_before_accounts(self._context, uid, Role(role))
        session.clear()
        session["sid"] = identifying.secret_of_before(uid)
        return known


def identify(connection: HTTPConnection) -> Person:
    """Returns the person who sends this request; waits for the database where nobody asked yet."""
    scope = connection.scope
    if _PERSON not in scope:
        scope[_LOOK_UP](scope)
    return person_of(connection)


async def identified(connection: HTTPConnection) -> Person:
    """Returns the person who sends this request, looked up in a thread where nobody asked yet."""
    if _PERSON in connection.scope:
        return person_of(connection)
    return await run_in_threadpool(identify, connection)


def person_of(connection: HTTPConnection) -> Person:
    """Returns the person who sends this request, who is known except in an operation's route."""
    person: Person = connection.scope[_PERSON]
    return person


def signed_in(connection: HTTPConnection) -> SignedIn | None:
    """Returns the member who sends this request; None for a visitor and for a program."""
    return connection.scope.get(_SIGNED_IN)


def take_secret(connection: HTTPConnection, secret: str) -> None:
    """Makes this browser the one of a new sign-in."""
    connection.session.clear()
    connection.session["sid"] = secret


def take_label(connection: HTTPConnection, name: str) -> None:
    """Renames this browser's visitor, whose identity stays; a member's name is in the rows."""
    if signed_in(connection) is None:
        connection.session["rater"] = name


def link_of(connection: HTTPConnection, secret: str) -> str:
    """Returns the address of an invitation, at the host by which the caller came."""
    root = str(connection.scope.get(_ROOT, ""))
    base = connection.url.replace(path=f"{root}/join", query="", fragment="")
    return str(base.include_query_params(token=secret))


def browser_of(connection: HTTPConnection) -> str:
    """Returns what the browser calls itself, shortened to what tells two apart."""
    agent = connection.headers.get("user-agent", "")
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
    browsers = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
    system = next((name for name in systems if name in agent), "")
    browser = next((name for name in browsers if name in agent), agent[:40] or "a program")
    named = {"Edg": "Edge", "OPR": "Opera"}.get(browser, browser)
    return f"{named} on {system}" if system else named


class _Timeless(TimestampSigner):
    """Checks a cookie's signature and not its age.

    A clock that is set back would make a cookie come from the future, which the signer refuses;
    what ends a sign-in is its row. So a good signature stays one, and is checked once.
    """

    def __init__(self, secret_key: str) -> None:
        super().__init__(secret_key)
        self._checked = lru_cache(_COOKIES_KEPT)(super().unsign)

    def unsign(self, signed_value: Any, max_age: Any = None, return_timestamp: Any = False) -> Any:
        return self._checked(signed_value, None, return_timestamp)


class _Sessions(SessionMiddleware):
    def __init__(self, app: ASGIApp, secret_key: str, **more: Any) -> None:
        super().__init__(app, secret_key, **more)
        self.signer = _Timeless(secret_key)


def with_sessions(app: ASGIApp, key: str, context: DataContext) -> ASGIApp:
    """Wraps an application so that `person_of` works in every request.

    With `framed` the cookie is also sent inside another site's frame, and over HTTPS only. The
    guard refuses requests that the other site itself makes, with or without the cookie. The cookie
    is for `root_path` and named after it, because a browser sends an app under a path the cookie
    of one at the root of the same host as well. Who came over HTTPS gets one that browsers
    send over HTTPS alone.
    """
    known = KnownVisitor(app, context)
    framed, root_path = context.settings.framed, context.settings.root_path

    def sessions(*, https_only: bool) -> ASGIApp:
        return _Sessions(
            known,
            secret_key=key,
            session_cookie=COOKIE + root_path.replace("/", "-"),
            path=root_path or "/",
            max_age=365 * 86400,
            same_site="none" if framed else "lax",
            https_only=https_only,
            partitioned=framed,
        )

    return _ByScheme(sessions(https_only=framed), sessions(https_only=True))


class _ByScheme:
    """Serves who came over TLS, here or at a trusted proxy, by an app of their own."""

    def __init__(self, plain: ASGIApp, over_tls: ASGIApp) -> None:
        self._plain = plain
        self._over_tls = over_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._over_tls if scope.get("scheme") in ("https", "wss") else self._plain
        await app(scope, receive, send)
