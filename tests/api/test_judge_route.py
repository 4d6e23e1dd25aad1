"""The judge button's route: the studio's judge is asked, nobody waits for it, and it may be down."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from db.storage.session import Database
from ptrapp.api.errors import answer_errors
from ptrapp.api.routes import build_router
from ptrapp.api.session import with_sessions
from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Request
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.judges.llm import LazyJudge, LlmJudge
from ptrapp.services import play
from ptrapp.services.context import AppContext

WAIT_S = 10.0


class Slow:
    """A server that takes its time."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> str:
        self.asked.set()
        assert self.answer.wait(WAIT_S)
        return "Alike. [[C]]"


@pytest.fixture
def judge() -> Slow:
    return Slow()


@pytest.fixture
def context(database: Database, tmp_path: Path, judge: Slow) -> Iterator[AppContext]:
    policy = ScriptedEngine(lambda request: "<T> secret.<R> The answer is 1.")
    asked = LlmJudge(ScriptedEngine(judge), "llm:slow")
    opened = AppContext(Settings(data_dir=tmp_path), database, policy, asked)
    yield opened
    play.stop_all(opened)


def browser(context: AppContext) -> TestClient:
    app = FastAPI()
    answer_errors(app)
    app.include_router(build_router(context))
    app.add_middleware(with_sessions, key="k" * 32, context=context)
    return TestClient(app, base_url="http://127.0.0.1:7860")


def pair(context: AppContext) -> dict[str, int]:
    run_id = play.begin(context, play.RunRequest("What is 1 + 0?", play.Mode.SAMPLE, 2), "Ada")
    if live := context.live.get(run_id):
        assert live.ended.wait(WAIT_S)
    run = play.load(context, run_id)
    return dict(zip(("left", "right"), (row.id for row in run.rounds), strict=True))


def test_while_the_judge_thinks_other_requests_are_answered(
    context: AppContext, judge: Slow
) -> None:
    sides = pair(context)
    with browser(context) as client, ThreadPoolExecutor() as pool:
        asked: Any = pool.submit(client.post, "/api/v1/comparisons/judge", json=sides)
        assert judge.asked.wait(WAIT_S)
        health = client.get("/api/v1/health")
        offered = client.post("/api/v1/comparisons", json=sides)
        assert not asked.done()
        judge.answer.set()
        said = asked.result(WAIT_S)

    assert (health.status_code, offered.status_code) == (200, 201)
    assert said.json() == {"outcome": "tie", "rationale": "Alike."}


def test_a_judge_that_is_down_is_one_clear_sentence(context: AppContext) -> None:
    def nobody() -> ScriptedEngine:
        raise EngineUnavailable("The server at http://127.0.0.1:9/v1 does not answer.")

    without = AppContext(
        context.settings, context.database, context.engine, LazyJudge(nobody, "llm:great")
    )
    answer = browser(without).post("/api/v1/comparisons/judge", json=pair(context))

    assert answer.status_code == 422
    sentence = "The judge gave no verdict: The server does not answer."
    assert answer.json() == {"error": sentence}
