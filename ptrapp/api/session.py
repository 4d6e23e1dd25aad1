"""Identifies who sends a request, by a browser's signed cookie or a script's signed token."""

import os
import secrets
from dataclasses import replace
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.datastructures import Headers
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ptrapp.core.errors import Forbidden
from ptrapp.core.people import Person, Role

COOKIE = "thrice"
TOKEN_DAYS = 90
"""How long an invitation, or a script's token, is valid."""
_KEY_BYTES = 32
_PERSON = "thrice.person"


def secret_key(data_dir: Path) -> str:
    """Returns the key that signs cookies; the first start makes it, readable by its user alone."""
    path = data_dir / "session.key"
    if not path.exists() or not path.stat().st_size:
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(_KEY_BYTES), encoding="utf-8")
        unfinished.rename(path)  # a program killed in between leaves no empty key
    return path.read_bytes().hex()


class Invitations:
    """Signs tokens that admit a person in a role, and reads them."""

    def __init__(self, key: str) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="invitation")

    def issue(self, role: Role, name: str = "", uid: str = "") -> str:
        """Returns a token for a person or program; without a name the person chooses one."""
        return str(self._signer.dumps({"role": role.value, "name": name, "uid": uid}))

    def read(self, token: str) -> Person:
        """Returns the person whom a token admits. Raises `Forbidden` for a forged or expired one.

        A token without an identity, from an earlier version, admits the person of its name.
        """
        try:
            signed = self._signer.loads(token, max_age=TOKEN_DAYS * 86400)
        except BadSignature as error:
            raise Forbidden(
                "This invitation is not valid or too old; ask for a new one."
            ) from error
        return Person(str(signed["name"]), Role(signed["role"]), str(signed.get("uid", "")))


class KnownVisitor:
    """Identifies who sends a request: by its token, by its cookie, or as a new visitor."""

    def __init__(self, app: ASGIApp, invitations: Invitations, visitor_role: Role) -> None:
        self._app = app
        self._invitations = invitations
        self._visitor_role = visitor_role
        """The role of a browser without an invitation."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        try:
            by_token = self._invitations.read(token) if scheme.lower() == "bearer" else None
        except Forbidden as error:
            await JSONResponse({"error": str(error)}, 401)(scope, receive, send)
            return
        if by_token:
            scope[_PERSON] = replace(by_token, name=by_token.name or "script")
        else:
            session = scope["session"]
            session.setdefault("rater", f"visitor-{secrets.token_hex(4)}")
            # A cookie of an earlier version has a name alone, which became that rater's identity.
            session.setdefault("uid", session["rater"])
            role = Role(session.get("role", self._visitor_role))
            scope[_PERSON] = Person(session["rater"], role, session["uid"])
        await self._app(scope, receive, send)


def person_of(connection: HTTPConnection) -> Person:
    """Returns the person who sends this request."""
    person: Person = connection.scope[_PERSON]
    return person


def sign_in(connection: HTTPConnection, invited: Person) -> None:
    """Gives this browser the invited role, and the identity unless the invitation has no name."""
    connection.session["role"] = invited.role.value
    if invited.name:
        connection.session["rater"] = invited.name
        connection.session["uid"] = invited.rater


def take_label(connection: HTTPConnection, name: str) -> None:
    """Renames this browser's person, whose identity stays."""
    connection.session["rater"] = name


def with_sessions(
    app: ASGIApp,
    key: str,
    invitations: Invitations,
    visitor_role: Role = Role.ADMIN,
    *,
    framed: bool = False,
    root_path: str = "",
) -> ASGIApp:
    """Wraps an application so that `person_of` works in every request.

    With `framed` the cookie is also sent inside another site's frame, and over HTTPS only. The
    guard refuses requests that the other site itself makes, with or without the cookie. The cookie
    is for `root_path` and named after it, because a browser sends an app under a path the cookie
    of one at the root of the same host as well. Who came over HTTPS gets one that browsers
    send over HTTPS alone.
    """
    known = KnownVisitor(app, invitations, visitor_role)

    def sessions(*, https_only: bool) -> ASGIApp:
        return SessionMiddleware(
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
