"""Pages that are put together once are the pages that Gradio makes."""

from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.routes import App

from ptrapp.ui.assembling import assembled


def two_pages() -> gr.Blocks:
    with gr.Blocks() as pages:
        name = gr.Textbox(label="Name")
        greeting = gr.Textbox()
        name.change(lambda said: f"Hello {said}", name, greeting, api_name="greet")
    with pages.route("Second", "/second"):
        gr.Button("Press").click(lambda: "pressed", None, greeting, api_name="press")
    return pages


def configuration(pages: gr.Blocks) -> dict[str, Any]:
    served = TestClient(gr.mount_gradio_app(FastAPI(), pages, path="/"))
    found: dict[str, Any] = served.get("/config").json()
    for ours in ("app_id", "username", "root"):
        found.pop(ours, None)
    return found


def test_the_pages_are_those_that_gradio_makes() -> None:
    theirs, ours = configuration(two_pages()), configuration(assembled(two_pages))
    first = min(one["id"] for one in theirs["components"])
    second = min(one["id"] for one in ours["components"])
    assert len(ours["components"]) == len(theirs["components"])
    assert [one["type"] for one in ours["components"]] == [
        one["type"] for one in theirs["components"]
    ]
    assert [[at - second for at in one["inputs"]] for one in ours["dependencies"]] == [
        [at - first for at in one["inputs"]] for one in theirs["dependencies"]
    ]
    assert ours["pages"] == theirs["pages"]


def test_gradio_is_left_as_it_was() -> None:
    create, configure = App.create_app, gr.Blocks.get_config_file
    pages = assembled(two_pages)
    assert App.create_app is create
    assert gr.Blocks.get_config_file is configure
    assert isinstance(pages.app, App)
