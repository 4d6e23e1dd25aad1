"""Uploads, Gradio's own as well, are for admins and so much in an hour."""

from pathlib import Path
from typing import Any

import pytest
from campaign_world import Make, join, sentence
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fresh_database import NAME, fresh_database
from sqlalchemy import update

from db.models import Used
from ptrapp.api import uploads
from ptrapp.api.uploads import Uploads
from ptrapp.core.people import Person, Role
from ptrapp.core.settings import Settings
from ptrapp.engines.scripted import ScriptedEngine
from ptrapp.services.context import AppContext

FILE = {"files": ("a.txt", b"text", "text/plain")}


def test_gradios_upload_is_for_who_has_a_page_for_it(ada: Any, visitor: Make) -> None:
    bea = join(visitor, ada, "annotator")
    refused = bea.client.post("/gradio_api/upload", files=FILE)
    assert "not for the role annotator" in sentence(refused, 403)
    assert ada.client.post("/gradio_api/upload", files=FILE).status_code == 200


def test_a_person_uploads_so_much_in_an_hour(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    who = ["ada"]
    monkeypatch.setattr(uploads, "identify", lambda _: Person(who[0], Role.ADMIN, who[0]))
    settings = Settings(data_dir=tmp_path, upload_mib_per_hour=1)
    context = AppContext(settings, fresh_database(tmp_path), ScriptedEngine(lambda _: "x"))
    app = FastAPI()
    app.post("/api/v1/import")(lambda: "taken")
    client = TestClient(Uploads(app, context))
    half = b"x" * (600 * 1024)
    assert client.post("/api/v1/import", content=half).status_code == 200
    refused = client.post("/api/v1/import", content=half)
    assert "1 MiB within an hour" in sentence(refused, 429)
    endless = client.post("/api/v1/import", headers={"content-length": "9" * 40})
    assert endless.status_code == 429
    who[0] = "bea"
    assert client.post("/api/v1/import", content=half).status_code == 200
    who[0] = "ada"
    with context.database.write() as session:
        session.execute(update(Used).values(until=Used.until - 3600))
    assert client.post("/api/v1/import", content=half).status_code == 200
    monkeypatch.setitem(uploads.LARGER, "/api/v1/import", 2 << 20)
    unannounced = client.post("/api/v1/import", content=iter([b"x"]))
    assert unannounced.status_code == 429, "it may be as large as is let through"
    (tmp_path / NAME).unlink()
    assert client.post("/api/v1/import", content=b"x").status_code == 503
    context.database.dispose()
