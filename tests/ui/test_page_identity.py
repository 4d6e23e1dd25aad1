"""A page that was open over a restart is known by its id, and one that other code made is refused."""

import json
import os
import re
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from fresh_database import fresh_database
from gradio.context import Context
from gradio.queueing import Queue

from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.context import AppContext
from ptrapp.ui.page_identity import identify


def started(label: str = "Name", *, more: bool = False, wired: bool = True) -> int:
    """Returns the id of small pages as a new process builds them."""
    before, Context.id = Context.id, 0
    try:
        with gr.Blocks() as pages:
            name, press = gr.Textbox(label=label), gr.Button()
            if more:
                gr.Textbox()
            if wired:
                press.click(lambda text: text, name, name, api_name="say")
        drawn_by_gradio = pages.app_id
        identify(pages)
        assert pages.app_id != drawn_by_gradio
    finally:
        Context.id = before
    return pages.app_id


def test_the_same_pages_have_the_same_id_at_each_start() -> None:
    assert started() == started()


def test_a_component_or_an_event_more_is_another_page() -> None:
    assert len({started(), started(more=True), started(wired=False)}) == 3


def test_another_version_of_gradio_or_of_the_app_is_another_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = started()
    monkeypatch.setattr(gr, "__version__", "0.0")
    other = started()
    monkeypatch.setattr("ptrapp.ui.page_identity.VERSION", "0.0")
    assert len({now, other, started()}) == 3


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ptrapp import app  # Gradio takes seconds to import

    folder = tmp_path_factory.mktemp("identified")
    database = fresh_database(folder)
    context = AppContext(
        Settings(data_dir=folder, worker=False), database, ScriptedEngine(lambda _: "2")
    )
    with TestClient(app.build_app(context), base_url="http://127.0.0.1:7860") as client:
        yield client
    database.dispose()


def own_id(served: TestClient) -> str:
    """Returns the id that a page's HTML brings, by which its script names it."""
    (found,) = re.findall(r'"app_id":\s*(\d+)', served.get("/train").text)
    return str(found)


def test_a_page_is_told_an_id_that_its_script_reads_exactly(served: TestClient) -> None:
    found = own_id(served)
    assert int(found) < 2**53
    assert json.loads(served.get("/gradio_api/app_id").text)["app_id"] == int(found)


EVENT = {"data": [], "fn_index": 0, "session_hash": "abc"}


@pytest.mark.parametrize("path", ["queue/join", "run/predict"])
def test_an_event_of_other_pages_is_refused_in_words(served: TestClient, path: str) -> None:
    named = {"Thrice-Pages": "7"}
    refused = served.post(f"/gradio_api/{path}", json=EVENT, headers=named)
    assert refused.status_code == 409
    assert "was updated since this page was loaded" in refused.json()["error"]


def test_an_event_of_these_pages_and_of_a_program_is_taken(served: TestClient) -> None:
    for headers in ({"Thrice-Pages": own_id(served)}, {"Thrice-Pages": ""}, {}):
        taken = served.post("/gradio_api/queue/join", json=EVENT, headers=headers)
        assert taken.status_code == 200


def test_no_summary_of_events_is_made_that_nobody_sees(
    served: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: SimpleQueue[dict[str, Any]] = SimpleQueue()
    summary = Queue.compute_analytics_summary
    monkeypatch.setattr(
        Queue, "compute_analytics_summary", lambda *given: made.put(summary(*given))
    )
    config = served.get("/config").json()
    event = next(one["id"] for one in config["dependencies"] if not one["inputs"])
    body = {"data": [], "fn_index": event, "session_hash": "summary"}
    assert served.post("/gradio_api/queue/join", json=body).status_code == 200
    assert "process_completed" in served.get("/gradio_api/queue/data?session_hash=summary").text
    assert made.get(timeout=30) == {"functions": {}}
