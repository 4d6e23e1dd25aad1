"""Jobs: trainings, evaluations and judges, queued, listed, stopped, resumed, discarded."""

from typing import Annotated, Any

from pydantic import Field, FiniteFloat

from db.models import JobKind
from ptrapp.api.answers import JobQueued, StateNow
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.services import jobs
from ptrapp.services.context import AppContext
from ptrapp.services.training_panel import read_panel

Setting = bool | int | FiniteFloat | str


class NewJob(Body):
    """A job, and what of its recipe's settings shall differ from the defaults."""

    kind: JobKind
    """What it does."""
    settings: dict[str, Setting | Annotated[list[Setting], Field(max_length=32)]] = Field(
        {}, max_length=32
    )
    """What shall differ from the recipe's defaults. The training process knows the names and
    bounds; a mistake stands on the failed job."""
    parent: str = Field("", max_length=64)
    """The version to begin at; empty is the one that answers now."""


def training(context: AppContext) -> dict[str, Any]:
    """Everything the Train page shows."""
    return read_panel(context).as_json()


def list_jobs(context: AppContext) -> list[jobs.JobView]:
    """The newest jobs: trainings, evaluations, judges, each with progress and result."""
    return jobs.listing(context)


def one_job(context: AppContext, job_id: Id) -> jobs.JobView:
    """One job with its whole result."""
    return jobs.view(context, job_id)


def new_job(context: AppContext, body: NewJob) -> JobQueued:
    """Queue a job; its id. For admins."""
    return JobQueued(jobs.start(context, body.kind, body.settings, parent=body.parent))


def cancel(context: AppContext, job_id: Id) -> StateNow:
    """Stop a job; it can be resumed from its last checkpoint. For admins."""
    jobs.cancel(context, job_id)
    return StateNow("cancelling")


def resume(context: AppContext, job_id: Id) -> StateNow:
    """Let a failed or cancelled job go on from its last checkpoint."""
    jobs.resume(context, job_id)
    return StateNow("queued")


def discard(context: AppContext, job_id: Id) -> StateNow:
    """Delete what a failed or cancelled job trained so far; it cannot be resumed any more."""
    jobs.discard(context, job_id)
    return StateNow("discarded")
