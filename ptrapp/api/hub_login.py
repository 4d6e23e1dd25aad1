"""Sign-in with Hugging Face by OpenID Connect, at the addresses that a Space registers.

Gradio's own login does the same with the same library, but off a Space it signs everybody in as who
the machine is, and it keeps a cookie of its own that none of our routes reads.
"""

import logging
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from httpx import HTTPError
from starlette.concurrency import run_in_threadpool

from db.storage.errors import Conflict
from ptrapp.api import door_pages
from ptrapp.api.door_routes import Form
from ptrapp.api.proxy import root_of
from ptrapp.api.session import browser_of, person_of, signed_in, take_secret
from ptrapp.core.errors import ThriceError
from ptrapp.services.accounts import entering
from ptrapp.services.accounts.entering import HubUser
from ptrapp.services.context import DataContext

log = logging.getLogger(__name__)

TIMEOUT_S = 15.0
"""Seconds that the hub is waited for, each time."""


def add_hub_login(app: FastAPI, context: DataContext) -> None:
    """Adds the way to the hub and the way back, where the settings have a client id."""
    settings = context.settings
    if not settings.hf_client_id:
        return
    provider = settings.hf_provider.rstrip("/")
    hub = OAuth().register(
        name="huggingface",
        client_id=settings.hf_client_id,
        client_secret=settings.hf_client_secret.get_secret_value(),
        server_metadata_url=f"{provider}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile",
            "timeout": TIMEOUT_S,
            "code_challenge_method": "S256",
        },
    )

    @app.post("/login/huggingface", include_in_schema=False)
    async def go(request: Request, form: Form) -> Response:
        for stale in [name for name in request.session if name.startswith("_state_")]:
            del request.session[stale]  # a cookie holds 4 kB, and each attempt leaves one
        request.session["joining"] = form.get("token", "")
        back = f"{str(request.base_url).rstrip('/')}/login/callback"
        try:
            there = await hub.authorize_redirect(request, back)
        except (AuthlibBaseError, HTTPError) as error:
            return _refused(request, error)
        return RedirectResponse(there.headers["location"], 303)

    @app.get("/login/callback", include_in_schema=False)
    async def come_back(request: Request) -> Response:
        try:
            token = await hub.authorize_access_token(request)
            said = token.get("userinfo") or await hub.userinfo(token=token)
            user = _user(said)
        except (AuthlibBaseError, HTTPError, KeyError, TypeError, ValueError) as error:
            return _refused(request, error)
        joining = str(request.session.pop("joining", ""))
        try:
            secret = await run_in_threadpool(_enter, context, request, user, joining)
        except (ThriceError, Conflict) as error:
            return HTMLResponse(door_pages.refusal(root_of(request), str(error)), 403)
        take_secret(request, secret)
        return RedirectResponse(f"{root_of(request)}/", 303)


def _enter(context: DataContext, request: Request, user: HubUser, joining: str) -> str:
    """Joins by the invitation whose page this browser came from, else signs in."""
    visitor, here, browser = person_of(request), signed_in(request), browser_of(request)
    if joining:
        return entering.join(context, joining, visitor, here, hub=user, browser=browser)
    return entering.sign_in_by_hub(context, user, visitor, here, browser)


def _user(said: Any) -> HubUser:
    """Returns who somebody is by the hub's claims. Raises `KeyError`, `ValueError`."""
    user = HubUser(str(said["sub"]), str(said.get("preferred_username") or said["name"]))
    if not user.id or len(user.id) > 64:
        raise ValueError("the hub names nobody")
    return user


def _refused(request: Request, error: Exception) -> HTMLResponse:
    log.warning("sign-in with Hugging Face failed: %s: %s", type(error).__name__, error)
    said = "Hugging Face did not say who you are. Try again, or sign in with a password."
    return HTMLResponse(door_pages.refusal(root_of(request), said), 502)
