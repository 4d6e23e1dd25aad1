"""Who is asking: a signed cookie on a browser, a signed token of a script or of an invitation."""

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
"""How long an invitation, or a script's token, is good."""
_KEY_BYTES = 32
_PERSON = "thrice.person"


def secret_key(data_dir: Path) -> str:
    """Read the key that signs cookies, or make it on the first start, for the owner's eyes only."""
    path = data_dir / "session.key"
    if not path.exists() or not path.stat().st_size:
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(_KEY_BYTES), encoding="utf-8")
        unfinished.rename(path)  # a program killed in between leaves no empty key
    return path.read_bytes().hex()


class Invitations:
    """Signs who may come in as what, and reads it back."""

    def __init__(self, key: str) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="invitation")

    def issue(self, role: Role, name: str = "", uid: str = "") -> str:
        """A token for a person or program of this role; without a name the person chooses one."""
        return str(self._signer.dumps({"role": role.value, "name": name, "uid": uid}))

    def read(self, token: str) -> Person:
        """Whom a token lets in. Raises `Forbidden` for one that is not ours or too old.

        A token of before identities means whoever was called so.
        """
        try:
            said = self._signer.loads(token, max_age=TOKEN_DAYS * 86400)
        except BadSignature as error:
            raise Forbidden(
                "This invitation is not valid or too old; ask for a new one."
            ) from error
        return Person(str(said["name"]), Role(said["role"]), str(said.get("uid", "")))


class KnownVisitor:
    """Finds out who sends a request: by its token, by its cookie, or as a new visitor."""

    def __init__(self, app: ASGIApp, invitations: Invitations, visitor_role: Role) -> None:
        self._app = app
        self._invitations = invitations
        self._visitor_role = visitor_role
        """What a browser without an invitation is."""

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
            # A cookie of before identities holds a name, which is that rater's identity since.
            session.setdefault("uid", session["rater"])
            role = Role(session.get("role", self._visitor_role))
            scope[_PERSON] = Person(session["rater"], role, session["uid"])
        await self._app(scope, receive, send)


def person_of(connection: HTTPConnection) -> Person:
    """Who sends this request."""
    person: Person = connection.scope[_PERSON]
    return person


def sign_in(connection: HTTPConnection, invited: Person) -> None:
    """Make this browser somebody; an invitation without a name leaves it who it is."""
    connection.session["role"] = invited.role.value
    if invited.name:
        connection.session["rater"] = invited.name
        connection.session["uid"] = invited.rater


def take_label(connection: HTTPConnection, name: str) -> None:
    """Have this browser called otherwise; who it is stays."""
    connection.session["rater"] = name


def with_sessions(
    app: ASGIApp,
    key: str,
    invitations: Invitations,
    visitor_role: Role = Role.ADMIN,
    *,
    framed: bool = False,
) -> ASGIApp:
    """Wrap an application so that `person_of` works in every request.

    `framed`: the cookie is also sent inside another site's frame, and over HTTPS only. Requests
    that the other site itself makes are refused by the guard, cookie or not.
    """
    return SessionMiddleware(
        KnownVisitor(app, invitations, visitor_role),
        secret_key=key,
        session_cookie=COOKIE,
        max_age=365 * 86400,
        same_site="none" if framed else "lax",
        https_only=framed,
        partitioned=framed,
    )
