"""The cookie inside another site's frame, as on Hugging Face Spaces."""

from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ptrapp.api.session import COOKIE, with_sessions
from ptrapp.core.settings import Settings
from ptrapp.services.context import AppContext


def cookie(context: AppContext, framed: bool) -> set[str]:
    app = FastAPI()
    app.get("/")(lambda: None)
    there = replace(context, settings=Settings(framed=framed))
    app.add_middleware(with_sessions, key="k" * 32, context=there)
    answer = TestClient(app, base_url="https://space.example").get("/")
    name, *flags = answer.headers["set-cookie"].lower().split("; ")
    assert name.startswith(f"{COOKIE}=")
    return set(flags)


@pytest.mark.parametrize("framed", [True, False])
def test_a_framed_page_keeps_its_visitor_and_any_other_page_keeps_it_to_itself(
    context: AppContext, framed: bool
) -> None:
    flags = cookie(context, framed)

    assert "httponly" in flags
    assert ({"samesite=none", "secure", "partitioned"} <= flags) is framed
    assert ("samesite=lax" in flags) is not framed
