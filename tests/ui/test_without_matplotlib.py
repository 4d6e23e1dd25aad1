"""No event of a page waits for matplotlib, which no page draws with."""

import sys
from types import ModuleType
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio import utils

from ptrapp.ui import layout
from ptrapp.ui.answering import AnsweringBlocks


class Untouched(ModuleType):
    """A matplotlib that may not be asked for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"matplotlib.{name} was asked for")


def test_an_event_is_answered_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "MatplotlibBackendMananger", utils.MatplotlibBackendMananger)
    monkeypatch.setattr(layout, "assembled", lambda _: AnsweringBlocks())
    nothing: Any = None
    layout.build(nothing)
    monkeypatch.setitem(sys.modules, "matplotlib", Untouched("matplotlib"))
    with AnsweringBlocks() as pages:
        name, greeting = gr.Textbox(), gr.Textbox()
        name.submit(lambda said: f"Hello {said}", name, greeting, api_name="greet", queue=False)
    client = TestClient(gr.mount_gradio_app(FastAPI(), pages, path="/"))
    answer = client.post("/gradio_api/run/greet", json={"data": ["Ada"]})
    assert answer.json()["data"] == ["Hello Ada"]
