"""A prompt that is sent while the model is still being loaded waits for it."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from fresh_database import fresh_database

from ptrapp.core.errors import ModelUnusable
from ptrapp.core.settings import Settings
from ptrapp.core.thoughts import TINY
from ptrapp.engines.replaceable import ReplaceableEngine
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import base_models, play
from ptrapp.services.context import AppContext

WAIT_S = 60.0


class Opening:
    """A model that is there, or found unusable, once a person was told that it is awaited."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.usable = True
        self.thinks = True
        """Whether it writes a thought by itself."""

    def __call__(self, model: str, report: Any) -> ScriptedEngine:
        assert self.may_end.wait(WAIT_S)
        if not self.usable:
            raise ModelUnusable("The weights are incomplete. Copy them again.")
        thoughts = replace(TINY, followed=self.thinks)
        return ScriptedEngine(lambda _: "<R> The answer is 2.", thought_format=thoughts)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, Opening]]:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr  # it takes seconds to import

    from ptrapp import app

    opening, database, say = Opening(), fresh_database(tmp_path), gr.Info

    def said(*words: Any, **more: Any) -> None:
        say(*words, **more)
        opening.may_end.set()

    monkeypatch.setattr(gr, "Info", said)
    engine = ReplaceableEngine(opening)
    context = AppContext(Settings(data_dir=tmp_path, worker=False), database, engine)
    base_models.begin(context, engine, "bundled")
    with TestClient(app.build_app(context), base_url="http://127.0.0.1:7860") as client:
        yield client, opening
    opening.may_end.set()
    play.stop_all(context)
    engine.close()
    database.dispose()


def ask(client: TestClient, prompt: str) -> list[dict[str, Any]]:
    """Sends a prompt as the page does, and returns what the page is told until it is answered."""
    config = client.get("/config").json()
    event = next(one for one in config["dependencies"] if one["api_name"] == "play")
    components = {one["id"]: one for one in config["components"]}
    data = [components[one]["props"].get("value") for one in event["inputs"]]
    data[0] = prompt
    session = uuid4().hex
    body = {"data": data, "fn_index": event["id"], "session_hash": session}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    stream = client.get(f"/gradio_api/queue/data?session_hash={session}").text
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]


def test_it_is_said_that_it_waits_and_then_it_is_answered(
    world: tuple[TestClient, Opening],
) -> None:
    told = ask(world[0], "What is 1 + 1?")
    assert [one["log"] for one in told if one["msg"] == "log"] == [
        "The model is still being loaded. Your prompt waits, and is answered when it is ready."
    ]
    assert next(one for one in told if one["msg"] == "process_completed")["success"]
    run = world[0].get("/api/v1/runs/1").json()
    assert [one["response"] for one in run["cells"]] == ["The answer is 2."] * 3


@pytest.mark.parametrize(("thinks", "when"), [(True, "always"), (False, "never")])
def test_it_thinks_as_the_model_does_that_came(
    world: tuple[TestClient, Opening], thinks: bool, when: str
) -> None:
    world[1].thinks = thinks
    ask(world[0], "What is 1 + 1?")
    assert world[0].get("/api/v1/runs/1").json()["settings"]["thinking"] == when


def test_a_model_that_does_not_come_is_the_answer(world: tuple[TestClient, Opening]) -> None:
    world[1].usable = False
    told = ask(world[0], "What is 1 + 1?")
    end = next(one for one in told if one["msg"] == "process_completed")
    assert "The weights are incomplete. Copy them again." in end["output"]["error"]


def test_an_empty_prompt_does_not_wait(world: tuple[TestClient, Opening]) -> None:
    told = ask(world[0], " ")
    end = next(one for one in told if one["msg"] == "process_completed")
    assert "The prompt is empty" in end["output"]["error"]
    assert not [one for one in told if one["msg"] == "log"]
