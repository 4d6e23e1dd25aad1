"""Whatever is sent to a page's event is answered in words: nothing of it leaves a traceback."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from fresh_database import fresh_database

from ptrapp.core.settings import ASSETS, Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import play
from ptrapp.services.context import AppContext

ADDRESS = "http://127.0.0.1:7860"
VALUES: dict[str, list[Any]] = {
    "nothing": [None],
    "text": ["x"],
    "numbers": [-1, 1e300, 0.5],
    "shapes": [{"value": None}, [[None, {}], 7], True, []],
}
"""What stands in the place of each value in turn."""
WITH_EVENT_DATA = {"history_do", "data_select"}
UI = ASSETS.parent / "ui"
EVENTS: list[Any] = [
    None, {}, [], "x", {"act": "star"}, {"act": "star", "run": {}}, {"index": "x"},
    {"index": [0, 0], "value": None, "row_value": []}, {"row_value": ["x"], "index": 0, "value": 0},
]  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app of its own, whose visitors are admins: what is sent here may store anything."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ptrapp import app  # Gradio takes seconds to import

    folder = tmp_path_factory.mktemp("odd")
    database = fresh_database(folder)
    context = AppContext(Settings(data_dir=folder), database, ScriptedEngine(lambda _: "<R> yes"))
    with TestClient(app.build_app(context), base_url=ADDRESS) as client:
        yield client
    play.stop_all(context)
    database.dispose()


def answers(pages: TestClient, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sends events of one session, and returns what became of each."""
    session = uuid4().hex
    sent = {}
    for body in bodies:
        joined = pages.post("/gradio_api/queue/join", json=body | {"session_hash": session})
        if joined.status_code == 200:
            sent[joined.json()["event_id"]] = body
        else:
            assert 400 <= joined.status_code < 500, (body, joined.text)
    stream = pages.get(f"/gradio_api/queue/data?session_hash={session}").text
    messages = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    ends = [one for one in messages if one["msg"] == "process_completed"]
    assert {one["event_id"] for one in ends} == set(sent)
    return [sent[one["event_id"]] | {"end": one} for one in ends]


def events_of(pages: TestClient) -> list[dict[str, Any]]:
    found = [one for one in pages.get("/config").json()["dependencies"] if one["backend_fn"]]
    assert len(found) > 100
    return found


def check(ends: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]) -> None:
    wordless = [
        one for one in ends if not one["end"]["success"] and not one["end"]["output"].get("error")
    ]
    assert not wordless
    err = capfd.readouterr().err
    assert "Traceback" not in err, err[-6000:]


@pytest.mark.parametrize("kind", list(VALUES))
def test_odd_values_are_answered_in_words(
    pages: TestClient, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    values = VALUES[kind]
    bodies = [
        {
            "data": [values[n % len(values)] for n in range(len(one["inputs"]))],
            "fn_index": one["id"],
        }
        for one in events_of(pages)
    ]
    check(answers(pages, bodies), capfd)


def test_a_wrong_number_of_values_is_answered_in_words(
    pages: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    bodies = [{"data": [], "fn_index": one["id"]} for one in events_of(pages) if one["inputs"]]
    check(answers(pages, bodies), capfd)


def test_odd_event_data_are_answered_in_words(
    pages: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in UI.glob("*.py"))
    assert len(re.findall(r"event: gr\.\w*Data\b", code)) == len(WITH_EVENT_DATA)
    bodies = [
        {"data": [None] * len(one["inputs"]), "fn_index": one["id"], "event_data": about}
        for one in events_of(pages)
        if one["api_name"].rstrip("_0123456789") in WITH_EVENT_DATA
        for about in EVENTS
    ]
    assert len(bodies) >= len(EVENTS) * len(WITH_EVENT_DATA)
    check(answers(pages, bodies), capfd)
