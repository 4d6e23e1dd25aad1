"""What is typed or chosen while a page's answer is on its way is neither lost nor written over."""

import json
import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from fresh_database import fresh_database

from db.models import JobKind, JobStatus
from db.registry import jobs
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services import pins, play
from ptrapp.services.context import AppContext

FIELDS = {"checkbox", "checkboxgroup", "dropdown", "number", "radio", "slider", "textbox"}
EVENTS = {"blur", "change", "input", "release", "select", "submit"}
DONE_ONCE = {"history_name", "train_overrule"}
"""Events of a field that do something, which two presses of Enter must not do twice."""
WAIT_S = 60


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app that has two pages of jobs, and a pinned prompt."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ptrapp import app  # Gradio takes seconds to import

    folder = tmp_path_factory.mktemp("typed")
    database = fresh_database(folder)
    engine = ScriptedEngine(lambda _: "<T> hm.<R> The answer is 2.")
    context = AppContext(Settings(data_dir=folder, worker=False), database, engine)
    with database.write() as session:
        for number in range(30):
            row = jobs.enqueue(
                session, JobKind.DPO, {"settings": {}, "started_by": "Mira"}, f"{number}"
            )
            row.status = JobStatus.DONE
    with TestClient(app.build_app(context), base_url="http://127.0.0.1:7860") as client:
        run_id = play.begin(context, play.RunRequest("What is 1 + 1?"), "Ada")
        if live := context.live.get(run_id):
            assert live.ended.wait(WAIT_S)
        pins.pin(context, "Ada", run_id)
        yield client
    play.stop_all(context)
    database.dispose()


def fields_of(pages: TestClient) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Returns each event of a field that the server answers, and the field."""
    config = pages.get("/config").json()
    components = {one["id"]: one for one in config["components"]}
    found = [
        (event, components[target])
        for event in config["dependencies"]
        if event["backend_fn"]
        for target, name in event["targets"]
        if name in EVENTS and components.get(target, {}).get("type") in FIELDS
    ]
    assert len(found) > 60, len(found)
    return found


def test_what_comes_while_an_event_is_answered_is_answered_next(pages: TestClient) -> None:
    dropped = {
        (event["api_name"].rstrip("_0123456789"), field["props"].get("label"))
        for event, field in fields_of(pages)
        if event["trigger_mode"] == "once"
    }
    assert {one for one in dropped if one[0] not in DONE_ONCE} == set()


def test_no_field_is_written_by_the_answer_to_what_was_typed_into_it(pages: TestClient) -> None:
    components = {one["id"]: one for one in pages.get("/config").json()["components"]}
    chosen = {"View": "slider", "Pinned prompt": 1, "Versions, two to four": ["base"], "Round": 2}
    loads = [one for one in pages.get("/config").json()["dependencies"] if one["backend_fn"]
             and any(name == "load" for _, name in one["targets"])]  # fmt: skip
    written, asked = [], []
    for event, field in fields_of(pages):
        if field["id"] not in event["outputs"] or event["api_name"] in DONE_ONCE:
            continue
        label, session = field["props"].get("label"), uuid4().hex
        for load in loads:
            if field["id"] in load["outputs"]:
                first = [components[one]["props"].get("value") for one in load["inputs"]]
                _answer(pages, {"data": first, "fn_index": load["id"], "session_hash": session})
        data = [components[one]["props"].get("value") for one in event["inputs"]]
        data[event["inputs"].index(field["id"])] = chosen.get(label, field["props"].get("value"))
        body = {"data": data, "fn_index": event["id"], "session_hash": session}
        answer = _answer(pages, body)[event["outputs"].index(field["id"])]
        asked.append(label)
        if not isinstance(answer, dict) or "value" in answer:
            written.append((event["api_name"], label, answer))
    assert {"Page", "Version in order of time", "View"} <= set(asked)
    assert written == []


def _answer(pages: TestClient, body: dict[str, Any]) -> list[Any]:
    """Sends one event, and returns what it has the page show."""
    joined = pages.post("/gradio_api/queue/join", json=body)
    assert joined.status_code == 200, joined.text
    stream = pages.get(f"/gradio_api/queue/data?session_hash={body['session_hash']}").text
    messages = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    end = next(one for one in messages if one["msg"] == "process_completed")
    assert end["success"], end
    shown: list[Any] = end["output"]["data"]
    return shown
