"""The recorded run that an untouched Play page plays, while the bundled model answers."""

from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.people import READS
from ptrapp.services import demo, fitting, play
from ptrapp.services.context import AppContext
from ptrapp.ui.auth import person
from ptrapp.ui.widgets import widget


def build(context: AppContext, pages: gr.Blocks) -> None:
    """Builds the widget; who has asked something, or opens a run, does not get the recording."""
    shown = widget("recorded", prose=False, hidden=True)

    def read_recording(request: gr.Request) -> dict[str, Any] | None:
        sender = person(request)
        try:
            if sender.role not in READS or not fitting.knows_sums_only(context):
                return None
            asked = play.last_run_id(context, sender.rater)
            opened = "run" in request.query_params
            return None if asked or opened else demo.recording(context)
        except DatabaseError:
            return None

    pages.load(
        read_recording, None, shown, queue=False, show_progress="hidden", api_visibility="private"
    )
