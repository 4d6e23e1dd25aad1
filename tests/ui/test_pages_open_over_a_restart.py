"""A page that was open while the app started again goes on: its session is new, and knows nothing."""

import json
import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from fresh_database import fresh_database

from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import campaigns
from ptrapp.services.labelling.campaigns import CampaignPlan
from ptrapp.services.labelling.candidates import Source, SourceKind
from ptrapp.services.labelling.panel import read_panel

LATER = "chosen after a restart"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    folder = tmp_path_factory.mktemp("restarted")
    database = fresh_database(folder)
    engine = ScriptedEngine(lambda _: "<T> hm.<R> The answer is 2.")
    yield AppContext(Settings(data_dir=folder, worker=False), database, engine)
    database.dispose()


@pytest.fixture(scope="module")
def pages(context: AppContext) -> Iterator[TestClient]:
    from ptrapp import app  # Gradio takes seconds to import

    with TestClient(app.build_app(context), base_url="http://127.0.0.1:7860") as client:
        yield client


def test_no_dropdown_is_checked_against_what_a_session_was_sent(pages: TestClient) -> None:
    dropdowns = [one for one in _blocks(pages).values() if one.get_block_name() == "dropdown"]
    assert len(dropdowns) > 30
    several = [one for one in dropdowns if one.multiselect]
    assert len(several) >= 3
    for one in dropdowns:
        sent = [LATER, "another"] if one.multiselect else LATER
        assert one.preprocess(sent) == sent, one.label
        assert one.preprocess(7) == 7, one.label
        for odd in ({"a": 1}, [["a"]]):
            with pytest.raises(ValueError, match="is sent a"):
                one.preprocess(odd)


def test_a_slider_reaches_as_far_as_it_ever_will(pages: TestClient) -> None:
    """Its bounds are checked, too: the one over versions was built before any was counted."""
    (over,) = [one for one in _blocks(pages).values() if one.elem_id == "time-at"]
    assert over.preprocess(40) == 40


def test_versions_that_were_chosen_before_a_restart_answer_after_it(pages: TestClient) -> None:
    said = _asked(pages, "play", {"Prompt": "What is 1 + 1?", "Mode": "versions",
                                  "Who answers": ["base", "dpo-000001"]})  # fmt: skip
    assert "no version dpo-000001" in said["error"], "known by the handler alone"
    assert "list of choices" not in said["error"]


def test_nothing_is_kept_in_the_server_s_session_for_which_a_page_holds_a_connection(
    pages: TestClient,
) -> None:
    """A browser opens six connections to one address: with one held by each, the seventh tab of
    the app waited for ever."""
    config = pages.get("/config").json()
    assert [one["id"] for one in config["components"] if one["type"] == "state"] == []
    assert config["connect_heartbeat"] is False


def test_a_campaign_is_paused_and_renamed_by_a_page_of_before(
    pages: TestClient, context: AppContext
) -> None:
    asked = CampaignPlan("Which", source=Source(SourceKind.NONE))
    campaign_id = campaigns.create(context, asked)
    assert _asked(pages, "campaign_pause", {}, first=campaign_id)["data"] == [campaign_id]
    _asked(pages, "campaign_rename", {"Name": "Other"}, first=campaign_id)
    (row,) = read_panel(context).campaigns
    assert (row.state, row.name) == ("paused", "Other")


UNKNOWN: list[tuple[str, dict[str, Any], str]] = [
    (
        "campaign_make",
        {"Name": "A", "Template": "versions", "Two versions": ["a", "b"]},
        "There is no version 'a'.",
    ),
    (
        "campaign_make",
        {"Name": "A", "Template": "imported", "Import": "import:a"},
        "There is no import 'import:a'.",
    ),
    (
        "campaign_make",
        {"Name": "A", "Template": "best_worst", "Judge": "a"},
        "'a' has scored no candidates",
    ),
    ("campaign_restore", {"Deleted campaigns": 99}, "There is no campaign 99"),
    ("data_ask", {"Undo an import": 99}, "There is no import 99."),
    ("data_sample", {"Campaign": "gone"}, "There is no campaign"),
    ("versions_serve", {"Version that waits": "gone"}, "There is no version gone."),
    ("versions_measure", {"Version that waits": "gone"}, "There is no trained version gone"),
    ("versions_describe", {"Version": "gone", "Name": "A", "Note": ""}, "There is no"),
    ("versions_described", {"Version": "gone"}, "There is no trained version gone."),
    ("time_remove", {"Pinned prompt": 99}, "There is no pinned prompt 99"),
    ("time_again", {"Pinned prompt": 99}, "There is no pinned prompt 99"),
    ("load_base", {"Model": "gone"}, "Start the server with another one"),
    ("people_role", {"Member": 99, "Role": "viewer"}, "There is no member 99"),
    ("people_another", {"Member": 99}, "There is no member 99."),
    ("people_ask", {"Member": 99}, "Choose a member first."),
    ("train_start", {"Starts from": "gone"}, "There is no version gone."),
    ("train_start_2", {"Versions": ["gone"]}, "There is no version gone"),
]


@pytest.mark.parametrize(("name", "given", "words"), UNKNOWN)
def test_what_is_not_there_is_said_by_the_handler(
    pages: TestClient, name: str, given: dict[str, Any], words: str
) -> None:
    said = json.dumps(_asked(pages, name, given))
    assert words in said
    assert "with what was sent" not in said


def _asked(pages: TestClient, name: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Sends an event as a page of an earlier process would; returns how it ended.

    What is `given` goes by labels, and a `first` value before all others.
    """
    config = pages.get("/config").json()
    components = {one["id"]: one for one in config["components"]}
    (event,) = [one for one in config["dependencies"] if one["api_name"] == name]
    labels = [components[one]["props"].get("label") for one in event["inputs"]]
    assert set(given) <= set(labels), labels
    data = [
        given.get(label, components[one]["props"].get("value"))
        for label, one in zip(labels, event["inputs"], strict=True)
    ]
    data[:1] = [more.get("first", data[0])]
    body = {"data": data, "fn_index": event["id"], "session_hash": uuid4().hex}
    assert pages.post("/gradio_api/queue/join", json=body).status_code == 200
    stream = pages.get(f"/gradio_api/queue/data?session_hash={body['session_hash']}").text
    messages = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    end = next(one for one in messages if one["msg"] == "process_completed")
    output: dict[str, Any] = end["output"]
    return output


def _blocks(pages: TestClient) -> dict[int, Any]:
    mounted = next(
        one.app for one in pages.app.routes if hasattr(getattr(one, "app", None), "get_blocks")
    )  # type: ignore[attr-defined]
    found: dict[int, Any] = mounted.get_blocks().blocks
    return found


def test_what_a_page_sends_again_by_itself_does_no_harm_a_second_time(pages: TestClient) -> None:
    """Events outside the queue are sent until the app answers (`assets/head/restarts.js`)."""
    events = pages.get("/config").json()["dependencies"]
    sent = {
        one["api_name"].rstrip("_0123456789")
        for one in events
        if one["backend_fn"] and one["queue"] is False and one["api_visibility"] != "public"
    }
    reads = {"read", "read_base", "read_recording", "page_looks", "restore", "show_examples"}
    draws = {"_closed", "_no_naming", "lambda", "of_mode"}
    once = {"data_cancel", "load_base"}  # what is cancelled, or being loaded, stays so
    assert sent == reads | draws | once
