"""Serves the version that a job made, from the job's page; one that waits needs a reason."""

from typing import Any

import gradio as gr

from ptrapp.core.errors import NotFound
from ptrapp.core.people import ADMINS
from ptrapp.services import versions
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import people
from ptrapp.services.training.job import read_job
from ptrapp.services.training.measured import MadeVersion
from ptrapp.ui.acting import carried_out
from ptrapp.ui.auth import allowed
from ptrapp.ui.train_job import JobParts
from ptrapp.ui.train_made import needs_reason

_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

_FOCUS = "() => { document.querySelector('#job-reason textarea')?.focus(); }"
"""Gradio's own autofocus does not take the focus from the button that was pressed."""


def wire(context: AppContext, job: JobParts, watched: Any, look: dict[str, Any]) -> None:
    """Wires the buttons; `look` reads the page again."""

    def train_serve(request: gr.Request, job_id: int) -> Any:
        """Serves the version, or asks why where it waits."""
        by = people.name_of(context, allowed(request, ADMINS))
        made = carried_out(lambda: _made(context, job_id))
        if needs_reason(made):
            return gr.Row(visible=True)
        carried_out(lambda: versions.serve(context, made.name, by=by))
        return gr.skip()

    def train_overrule(request: gr.Request, job_id: int, reason: str) -> Any:
        by = people.name_of(context, allowed(request, ADMINS))
        if not (reason or "").strip():
            raise gr.Error("Say why it is served; the reason is kept.", print_exception=False)
        made = carried_out(lambda: _made(context, job_id))
        carried_out(lambda: versions.serve(context, made.name, by=by, reason=reason))
        return gr.Row(visible=False)

    pressed = job.serve.click(train_serve, watched, job.asking, **_QUIET)
    pressed.success(None, None, None, js=_FOCUS).success(**look)
    said = gr.on([job.reason.submit, job.overrule.click], train_overrule, [watched, job.reason],
                 job.asking, **_QUIET)  # fmt: skip
    said.success(**look)


def _made(context: AppContext, job_id: int) -> MadeVersion:
    """Returns the version that a job made. Raises `NotFound`."""
    made = read_job(context, job_id).made
    if made is None:
        raise NotFound(f"Job {job_id} has made no version.")
    return made
