"""Uploads, Gradio's own as well, are for admins and so much in an hour."""

from typing import Any

import pytest
from campaign_world import Make, join, sentence
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ptrapp.api import uploads
from ptrapp.api.uploads import Uploads
from ptrapp.core.people import Person, Role

FILE = {"files": ("a.txt", b"text", "text/plain")}


def test_gradios_upload_is_for_who_has_a_page_for_it(ada: Any, visitor: Make) -> None:
    bea = join(visitor, ada, "annotator")
    refused = bea.client.post("/gradio_api/upload", files=FILE)
    assert "not for the role annotator" in sentence(refused, 403)
    assert ada.client.post("/gradio_api/upload", files=FILE).status_code == 200


def test_a_person_uploads_so_much_in_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now, who = [0.0], ["ada"]
    monkeypatch.setattr(uploads, "person_of", lambda _: Person(who[0], Role.ADMIN, who[0]))
    app = FastAPI()
    app.post("/api/v1/import")(lambda: "taken")
    client = TestClient(Uploads(app, mib_per_hour=1, clock=lambda: now[0]))
    half = b"x" * (600 * 1024)
    assert client.post("/api/v1/import", content=half).status_code == 200
    refused = client.post("/api/v1/import", content=half)
    assert "1 MiB within an hour" in sentence(refused, 429)
    who[0] = "bea"
    assert client.post("/api/v1/import", content=half).status_code == 200
    who[0], now[0] = "ada", 3601.0
    assert client.post("/api/v1/import", content=half).status_code == 200
