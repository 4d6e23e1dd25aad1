"""The cookie inside another site's frame, as on Hugging Face Spaces."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ptrapp.api.session import COOKIE, Invitations, with_sessions


def cookie(framed: bool) -> set[str]:
    app = FastAPI()
    app.get("/")(lambda: None)
    key = "k" * 32
    app.add_middleware(with_sessions, key=key, invitations=Invitations(key), framed=framed)
    answer = TestClient(app, base_url="https://space.example").get("/")
    name, *flags = answer.headers["set-cookie"].lower().split("; ")
    assert name.startswith(f"{COOKIE}=")
    return set(flags)


@pytest.mark.parametrize("framed", [True, False])
def test_a_framed_page_keeps_its_visitor_and_any_other_page_keeps_it_to_itself(
    framed: bool,
) -> None:
    flags = cookie(framed)

    assert "httponly" in flags
    assert ({"samesite=none", "secure", "partitioned"} <= flags) is framed
    assert ("samesite=lax" in flags) is not framed
