"""What a server says of itself names no folder and no address to who is no admin."""

from typing import Any
from uuid import uuid4

import pytest

from db.models import JobKind, JobStatus, Run, RunState
from db.registry import jobs
from ptrapp.core.errors import EngineUnavailable
from ptrapp.services import play
from ptrapp.services.context import AppContext

FOLDER, ADDRESS = "/srv/private/models/seven", "http://10.0.0.7:8101/v1"
SAID = f"The server at {ADDRESS} does not know {FOLDER}."


@pytest.fixture
def viewer(ada: Any, visitor: Any) -> Any:
    """A browser that may read everything."""
    token = ada.post("/invitations", {"role": "viewer", "name": f"v-{uuid4().hex[:6]}"}).json()
    browser = visitor()
    browser.client.post("/join", data={"token": token["token"]})
    assert browser.get("/me").json()["role"] == "viewer"
    return browser


def told(text: str) -> bool:
    return "/srv/private" in text or "10.0.0.7" in text


def test_a_failed_job_names_no_folder(viewer: Any, ada: Any, context: AppContext) -> None:
    settings = {"queries": FOLDER, "judge": f"llm:{ADDRESS}", "n": 2}
    with context.database.write() as session:
        job = jobs.enqueue(session, JobKind.EVALUATE, {"settings": settings}, dedup=uuid4().hex)
        job.status, job.error, job.result = JobStatus.FAILED, SAID, {"judge": f"llm:{ADDRESS}"}
        job.notes = [{"level": "warning", "text": SAID}]
        job_id = job.id
    for path in (f"/jobs/{job_id}", "/jobs", "/training"):
        answer = viewer.get(path)
        assert answer.status_code == 200
        assert not told(answer.text), path
        assert "does not know seven" in answer.text
    assert ada.get(f"/jobs/{job_id}").json()["settings"] == settings, "an admin starts it again"


def test_a_failed_run_names_no_address(viewer: Any, ada: Any, context: AppContext) -> None:
    run_id = ada.post("/runs", {"prompt": "1 + 1?", "n": 1}).json()["run_id"]
    context.live[run_id].ended.wait(10) if run_id in context.live else None
    with context.database.write() as session:
        run = session.get_one(Run, run_id)
        run.state, run.message = RunState.FAILED, SAID
    for reader in (viewer, ada):
        board = reader.get(f"/runs/{run_id}")
        assert not told(board.text)
        assert "does not know seven" in board.text


def test_plays_own_errors_name_no_folder(
    ada: Any, page: Any, context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> int:
        raise EngineUnavailable(SAID)

    monkeypatch.setattr(play, "begin", refuse)
    asked = ["1 + 1?", "", "refine", 2, 4, "always", 0.8, 0.95, 160, 1, 160, "", "Again.", []]
    ada.get("/me")
    headers = {"Cookie": f"thrice={ada.client.cookies['thrice']}"}
    event = page.post("/gradio_api/call/play", json={"data": asked}, headers=headers).json()
    shown = page.get(f"/gradio_api/call/play/{event['event_id']}", headers=headers).text
    assert "does not know seven" in shown
    assert not told(shown)
