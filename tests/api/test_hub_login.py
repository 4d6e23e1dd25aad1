"""Sign-in with Hugging Face against a double of the hub on a port of its own."""

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
import uvicorn
from campaign_world import Make, follow
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from fresh_database import fresh_database
from joserfc import jwt
from joserfc.jwk import RSAKey

from db.people import members
from ptrapp.core.people import Role
from ptrapp.core.settings import Settings
from ptrapp.services.accounts import entering
from ptrapp.services.context import AppContext

HUB_ID = "65a1b2c3d4e5f60718293a4b"
"""An id as Hugging Face gives one: 24 hexadecimal digits, which may be somebody's name too."""


class Hub:
    """What an OpenID provider does: asks, gives a code, and signs who somebody is."""

    def __init__(self) -> None:
        self.address = ""
        self.key = RSAKey.generate_key(2048, parameters={"kid": "k"})
        self.user = {"sub": "id-1", "preferred_username": "grace"}
        self.asked: dict[str, dict[str, str]] = {}
        """Code → what was asked for with it."""
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self.configuration)
        self.app.get("/oauth/authorize")(self.authorize)
        self.app.post("/oauth/token")(self.token)
        self.app.get("/jwks")(lambda: {"keys": [self.key.as_dict(private=False)]})

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/oauth/authorize",
            "token_endpoint": f"{self.address}/oauth/token",
            "jwks_uri": f"{self.address}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorize(self, request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        code = uuid4().hex
        self.asked[code] = asked
        sent = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{sent}", 303)

    async def token(self, request: Request) -> dict[str, Any]:
        form = await request.form()
        asked = self.asked.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        now = int(time.time())
        claims = self.user | {"iss": self.address, "aud": "client", "nonce": asked["nonce"],
                              "iat": now, "exp": now + 600}  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key)
        return {"access_token": "x", "token_type": "bearer", "id_token": signed, "expires_in": 600}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    double = Hub()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        double.address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(double.app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < until
            time.sleep(0.02)
        yield double
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def there(context: AppContext, hub: Hub, tmp_path_factory: Any) -> AppContext:
    folder = tmp_path_factory.mktemp("hub")
    settings = Settings(
        data_dir=folder, visitor_role=Role.VIEWER, hf_client_id="client", hf_provider=hub.address,
        hf_client_secret="secret",
        hf_admin=("id:id-owner", HUB_ID, "4711", "owner-by-name"),
    )  # fmt: skip
    return replace(context, settings=settings, database=fresh_database(folder))


@pytest.fixture(scope="module")
def served(there: AppContext) -> FastAPI:
    from ptrapp import app  # Gradio takes seconds to import

    return app.build_app(there)


@pytest.fixture
def guest(served: FastAPI, ada: Any, portal: Any) -> Callable[[], Any]:
    return lambda: type(ada)(served, portal)


def come_back(browser: Any, hub: Hub, token: str = "") -> Any:
    """Goes to the hub and back, as a browser does; returns the app's last answer."""
    import httpx

    sent = browser.client.post("/login/huggingface", data={"token": token}, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    back = httpx.get(sent.headers["location"], follow_redirects=False).headers["location"]
    assert back.startswith("http://127.0.0.1:7860/login/callback?")
    return browser.client.get(back, follow_redirects=False)


def me(browser: Any) -> Any:
    told = browser.get("/me").json()
    return {"name": told["name"], "role": told["role"]}


def test_who_signs_in_is_known_again_under_another_name_too(guest: Make, hub: Hub) -> None:
    hub.user = {"sub": "id-1", "preferred_username": "grace"}
    first, second = guest(), guest()
    assert "Sign in with Hugging Face" in first.client.get("/sign-in").text
    assert come_back(first, hub).status_code == 303
    assert me(first) == {"name": "grace", "role": "viewer"}
    hub.user = {"sub": "id-1", "preferred_username": "grace-hopper"}
    come_back(second, hub)
    assert me(second) == {"name": "grace", "role": "viewer"}


def test_the_owner_is_an_admin_and_a_taken_name_is_numbered(guest: Make, hub: Hub) -> None:
    hub.user = {"sub": "id-owner", "preferred_username": "grace"}
    owner = guest()
    come_back(owner, hub)
    assert me(owner)["role"] == "admin"
    assert me(owner)["name"].startswith("grace")


def test_an_invitation_is_joined_with_the_hub(guest: Make, hub: Hub, there: AppContext) -> None:
    with there.database.write() as session:
        secret = entering.link_for_admin(session)
    hub.user = {"sub": "id-2", "preferred_username": "edsger"}
    browser = guest()
    assert "Join with Hugging Face" in browser.client.get("/join", params={"token": secret}).text
    come_back(browser, hub, secret)
    assert me(browser)["role"] == "admin"


def test_who_was_removed_stays_out(guest: Make, hub: Hub, there: AppContext) -> None:
    hub.user = {"sub": "id-3", "preferred_username": "mallory"}
    browser = guest()
    come_back(browser, hub)
    with there.database.write() as session:
        found = members.find_by_hub(session, "id-3")
        assert found is not None
        members.remove(session, found.id)
    assert come_back(guest(), hub).status_code == 403


def test_a_way_back_that_nobody_asked_for_signs_nobody_in(guest: Make, hub: Hub) -> None:
    browser, other = guest(), guest()
    before = me(browser)
    for query in ("", "?code=x", "?state=x", "?code=x&state=y", "?error=access_denied"):
        assert browser.client.get(f"/login/callback{query}").status_code == 502, query
    sent = other.client.post("/login/huggingface", follow_redirects=False).headers["location"]
    state = parse_qs(urlsplit(sent).query)["state"][0]
    hub.asked["stolen"] = {"nonce": "n", "code_challenge": "c"}
    assert browser.client.get(f"/login/callback?code=stolen&state={state}").status_code == 502
    assert me(browser) == before


def test_a_member_connects_the_hub_with_her_account(
    guest: Make, hub: Hub, there: AppContext
) -> None:
    with there.database.write() as session:
        secret = entering.link_for_admin(session)
    browser, phone = guest(), guest()
    follow(browser, secret, name="Barbara", password="correct horse battery")
    hub.user = {"sub": "id-4", "preferred_username": "liskov"}
    come_back(browser, hub)
    come_back(phone, hub)
    assert me(phone) == me(browser) == {"name": "Barbara", "role": "admin"}


def test_nobody_is_an_admin_by_a_name_that_is_an_admins_id(guest: Make, hub: Hub) -> None:
    for number, name in enumerate(("id-owner", "id:id-owner", HUB_ID, "4711")):
        hub.user = {"sub": f"id-eve-{number}", "preferred_username": name}
        eve = guest()
        assert come_back(eve, hub).status_code == 303
        assert me(eve)["role"] == "viewer", name


@pytest.mark.parametrize(
    ("sub", "name", "role"),
    [
        (HUB_ID, "someone", "admin"),
        ("4711", "anyone", "admin"),
        ("id-6", "owner-by-name", "admin"),
        ("owner-by-name", "nobody", "viewer"),
    ],
)
def test_an_id_matches_ids_and_a_name_matches_names(
    guest: Make, hub: Hub, sub: str, name: str, role: str
) -> None:
    hub.user = {"sub": sub, "preferred_username": name}
    browser = guest()
    come_back(browser, hub)
    assert me(browser)["role"] == role
