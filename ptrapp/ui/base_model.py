"""A panel for the base model: which one answers, which are within reach, and choosing another."""

from typing import Any

import gradio as gr

from db.storage.errors import DatabaseError
from ptrapp.core.counts import counted
from ptrapp.core.errors import ThriceError
from ptrapp.core.people import ADMINS, READS
from ptrapp.core.public import in_public
from ptrapp.services import base_models
from ptrapp.services.base_models import BaseModels, BaseModelView
from ptrapp.services.context import AppContext
from ptrapp.ui.acting import refused
from ptrapp.ui.auth import allowed, person
from ptrapp.ui.looks import Looks


def build(context: AppContext, pages: gr.Blocks, looks: Looks) -> None:
    """Builds the panel, then wires it."""
    with gr.Accordion("Base model", open=False, elem_id="base-model"):
        status = gr.Markdown(elem_id="base-model-status")
        with gr.Row(equal_height=True):
            choice = gr.Dropdown([], label="Model", elem_id="base-model-choice", scale=4)
            button = gr.Button("Load", elem_id="base-model-load", scale=1, min_width=120)
        gr.Markdown(
            "Runs in progress are stopped when the model changes. Each model keeps its own "
            "versions; jobs go on with the model they were queued for."
        )

    def read_base(request: gr.Request) -> tuple[Any, Any]:
        if person(request).role not in READS:
            return gr.skip(), gr.skip()
        try:
            return shown(base_models.read(context))
        except DatabaseError as error:
            return in_public(str(error)), gr.skip()

    def tell_base(request: gr.Request, said: str) -> Any:
        now = progress(context) if person(request).role in READS else said
        return gr.skip() if now == said else now

    def load_base(name: str | None, request: gr.Request) -> Any:
        allowed(request, ADMINS)
        try:
            return base_models.load(context, name or "")
        except (ThriceError, DatabaseError) as error:
            raise refused(error) from error

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    pages.load(read_base, None, [status, choice], **quiet)
    looks.add(tell_base, [status], status)
    status.change(read_base, None, [status, choice], **quiet)
    button.click(load_base, choice, status, **quiet)


def shown(now: BaseModels) -> tuple[str, gr.Dropdown]:
    """Returns the status in words, and the choices with the model that answers chosen."""
    serving = next((one.name for one in now.models if one.serving), None)
    choices = [(label(one), one.name) for one in now.models]
    dropdown = gr.Dropdown(choices, value=serving, interactive=now.replaceable)
    return in_words(now.serving, now.loading, now.refusal), dropdown


def progress(context: AppContext) -> str:
    now = base_models.status(context)
    return in_words(now.serving, now.loading, now.refusal)


def in_words(serving: str, loading: str, refusal: str) -> str:
    answers = f"**{serving}** answers." if serving else "No model answers yet."
    return "\n\n".join(filter(None, (answers, loading, refusal)))


def label(one: BaseModelView) -> str:
    """Returns a model with its size, licence and versions, as a choice."""
    about = [f"{one.n_bytes / 1e6:,.0f} MB" if one.n_bytes else ""]
    about += ["" if one.fetched else "to fetch", one.licence]
    about += [counted(len(one.versions), "version")]
    return f"{one.title} — {', '.join(filter(None, about))}"
