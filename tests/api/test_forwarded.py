"""What a proxy says of a request counts where the proxy is trusted, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from fastapi.testclient import TestClient

from ptrapp.api.hosts import hosts_of
from ptrapp.api.page_roles import PagesOfRoles
from ptrapp.api.proxy import BehindProxy
from ptrapp.core import spaces
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import load_settings

TOLD = {
    "X-Forwarded-Host": "thrice.example",
    "X-Forwarded-Proto": "https,http",
    "X-Forwarded-For": "6.6.6.6, 9.9.9.9, 10.0.0.2",
}


def heard(client: str, trusted: tuple[str, ...], **told: str) -> Any:
    app = FastAPI()

    @app.get("/seen")
    def seen(request: Request) -> Any:
        rest = [name for name in request.headers if name.startswith("x-forwarded")]
        return [str(request.url), request.client and request.client.host, rest]

    app.add_middleware(BehindProxy, trusted=trusted)
    return (
        TestClient(app, base_url="http://inside:1", client=(client, 5))
        .get("/seen", headers=TOLD | told)
        .json()
    )


@pytest.mark.parametrize("client", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_a_trusted_proxy_says_host_scheme_and_client(client: str) -> None:
    assert heard(client, ("10.0.0.0/8",)) == ["https://thrice.example/seen", "9.9.9.9", []]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("9.9.9.9:51234", "9.9.9.9"),
        ("9.9.9.9:51234, 10.0.0.2:80", "9.9.9.9"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", "unknown"),
    ],
)
def test_a_port_behind_the_address_is_no_part_of_it(written: str, meant: str) -> None:
    """Else who guesses passwords has another address at each connection."""
    assert heard("10.0.0.1", ("10.0.0.0/8",), **{"X-Forwarded-For": written})[1] == meant


@pytest.mark.parametrize("client", ["10.0.0.1", "127.0.0.1", "testclient"])
def test_anybody_else_says_nothing(client: str) -> None:
    for trusted in ((), ("10.9.0.0/16", "::1")):
        assert heard(client, trusted) == ["http://inside:1/seen", client, []]


@pytest.fixture
def under_a_path() -> TestClient:
    app = FastAPI()

    @app.get("/seen")
    def seen(request: Request) -> Any:
        return [request.url.path, str(request.base_url)]

    app.add_middleware(BehindProxy, root_path="/thrice")
    return TestClient(app, base_url="http://inside:1")


@pytest.mark.parametrize("path", ["/seen", "/thrice/seen"])
def test_the_prefix_may_be_left_or_taken_off(under_a_path: TestClient, path: str) -> None:
    assert under_a_path.get(path).json() == ["/thrice/seen", "http://inside:1/thrice/"]


def test_the_bare_prefix_leads_to_its_slash(under_a_path: TestClient) -> None:
    answer = under_a_path.get("/thrice?run=3", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/thrice/?run=3")
    assert under_a_path.get("/thricer/seen").status_code == 404


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--root-path", "thrice"),
        ("--root-path", "/thrice/"),
        ("--root-path", "//evil.example"),
        ("--allowed-host", "https://thrice.example"),
        ("--allowed-host", "thrice.example:443"),
        ("--trusted-proxy", "proxy"),
        ("--trusted-proxy", "10.0.0.1/8"),
        ("--visitor-role", "judge"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_told(flag: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{flag[2:]} {value}"):
        load_settings([flag, value])


def test_flags_are_said_once_for_each() -> None:
    flags = ["--allowed-host", "a.example", "--allowed-host", "b.example"]
    assert load_settings(flags).allowed_host == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("flags", "served"),
    [
        ([], {"a.example": False, "127.0.0.1": True}),
        (["--allowed-host", "A.example"], {"a.example": True, "b.example": False}),
        (["--open"], {"b.example": False, "10.1.2.3": True, "fe80::1": True}),
        (["--open", "--allowed-host", "a.example"], {"a.example": True, "b.example": False}),
        (["--allowed-host", "a.example"], {"10.1.2.3": False}),
    ],
)
def test_hosts_that_are_served(flags: list[str], served: dict[str, bool]) -> None:
    serves = hosts_of(load_settings(flags))
    assert {name: serves(name) for name in served} == served


@pytest.mark.parametrize("bought", [True, False])
def test_a_space_uses_the_storage_that_outlives_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bought: bool
) -> None:
    monkeypatch.setenv("SPACE_ID", "me/thrice")
    monkeypatch.setattr(spaces, "PERSISTENT", tmp_path if bought else tmp_path / "none")
    chosen = load_settings([], **spaces.on_spaces())
    assert chosen.data_dir == (tmp_path / "thrice" if bought else Path("data"))
    monkeypatch.setenv("THRICE_DATA_DIR", "/elsewhere")
    assert load_settings([], **spaces.on_spaces()).data_dir == Path("/elsewhere")


def test_a_space_believes_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "me/thrice")
    settings = load_settings([], **spaces.on_spaces())
    assert heard("10.16.3.4", settings.trusted_proxy)[0] == "https://thrice.example/seen"


@pytest.fixture
def pages_under_a_path() -> TestClient:
    """The addresses as they are in the app: the door, then pages that Gradio would lead wrong."""
    app = FastAPI()

    @app.get("/label/")
    def wrong() -> RedirectResponse:
        return RedirectResponse("/label", 301)

    app.add_middleware(PagesOfRoles)
    app.add_middleware(BehindProxy, root_path="/thrice")
    return TestClient(app, base_url="http://inside:1", follow_redirects=False)


@pytest.mark.parametrize("path", ["/label/", "/thrice/label/", "/thrice/label//"])
def test_a_pages_slash_leads_to_the_page_under_the_prefix(
    pages_under_a_path: TestClient, path: str
) -> None:
    for query in ("", "?campaign=2&x=%2F"):
        answer = pages_under_a_path.get(path + query)
        assert (answer.status_code, answer.headers["location"]) == (307, f"/thrice/label{query}")


def test_slashes_alone_lead_to_the_first_page(pages_under_a_path: TestClient) -> None:
    assert pages_under_a_path.get("/thrice//").headers["location"] == "/thrice/"


def test_nothing_but_a_page_is_led_elsewhere(pages_under_a_path: TestClient) -> None:
    for path in ("/thrice//evil.example/", "/thrice/nothing/", "/thrice/label/x/"):
        assert "location" not in pages_under_a_path.get(path).headers
