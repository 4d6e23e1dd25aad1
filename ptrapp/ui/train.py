"""The Train page: the next job, the queue with its curves, the versions and their rollback."""

from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.people import READS
from ptrapp.services.context import AppContext
from ptrapp.services.training_panel import read_panel
from ptrapp.ui import base_model
from ptrapp.ui.auth import person
from ptrapp.ui.widgets import widget

TICK_S = 1.0
"""Seconds between two reads of the database; jobs run without the page."""


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the page: one widget, which a timer updates."""

    def read(request: gr.Request) -> dict[str, Any]:
        if person(request).role not in READS:
            return {"problem": "This page is for who runs the trainings. Yours is Label."}
        try:
            return read_panel(context).as_json()
        except DatabaseError as error:
            return {"problem": str(error)}

    base_model.build(context, pages)
    panel = widget("train")
    gr.Timer(TICK_S).tick(read, None, panel, queue=False, show_progress="hidden",
                          api_visibility="private")  # fmt: skip
    pages.load(read, None, panel, queue=False, show_progress="hidden",
                                       api_name="training")  # fmt: skip
