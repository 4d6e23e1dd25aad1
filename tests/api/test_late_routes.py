"""Routes that are built late answer as if they had been there from the start."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from ptrapp.api.late_routes import LateApp, LateRoutes

built: list[int] = []


@pytest.fixture
def app() -> LateApp:
    def build() -> list[BaseRoute]:
        router = APIRouter(prefix="/late")
        built.append(threading.get_ident())

        @router.get("")
        def none() -> int:
            return 0

        @router.get("/{number}")
        def number(number: int) -> int:
            return number

        @router.post("/{number}")
        def added(number: int) -> int:
            return number + 1

        return router.routes

    built.clear()
    app = LateApp(openapi_url="/late/openapi.json")
    app.router.routes.append(LateRoutes("/late", build))
    app.add_api_route("/{rest:path}", lambda rest: f"page {rest}")
    return app


def test_pages_need_none_of_them(app: LateApp) -> None:
    with TestClient(app) as client:
        assert client.get("/").json() == "page "
        assert client.get("/lately").json() == "page lately"
        assert built == []


def test_the_first_request_builds_them_and_all_are_answered(app: LateApp) -> None:
    with TestClient(app) as client, ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda n: client.get(f"/late/{n}").json(), range(24)))
        assert answers == list(range(24))
        assert client.post("/late/3").json() == 4
        assert client.get("/late/three").status_code == 422
        assert client.delete("/late/3").status_code == 405
        assert client.get("/late").json() == 0
    assert len(built) == 1
    assert built[0] != threading.get_ident(), "the loop goes on meanwhile"
    assert not any(isinstance(route, LateRoutes) for route in app.router.routes)


def test_built_ahead_they_are_not_built_again(app: LateApp) -> None:
    app.build_late()
    app.build_late()
    with TestClient(app) as client:
        assert client.get("/late/5").json() == 5
    assert len(built) == 1


def test_the_schema_has_them(app: LateApp) -> None:
    with TestClient(app) as client:
        assert set(client.get("/late/openapi.json").json()["paths"]["/late/{number}"]) == {
            "get",
            "post",
        }


def test_their_own_prefix_is_theirs(app: LateApp) -> None:
    with TestClient(app) as client:
        assert client.get("/late").json() == 0


def test_what_fails_to_be_built_is_tried_again(app: LateApp) -> None:
    table = app.router.routes
    late = next(route for route in table if isinstance(route, LateRoutes))
    whole, failures = late._build, [OSError("no room")]

    def build() -> list[BaseRoute]:
        if failures:
            raise failures.pop()
        return list(whole())

    late._build = build
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/late/1").status_code == 500
        assert client.get("/late/1").json() == 1
