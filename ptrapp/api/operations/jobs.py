"""Operations on jobs (trainings, evaluations, judges): queue, list, stop, resume, discard."""

from typing import Annotated

from fastapi.responses import FileResponse
from pydantic import Field

from db.models import JobKind
from ptrapp.api.access import Caller
from ptrapp.api.answers import JobQueued, StateNow
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.services import jobs
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import people
from ptrapp.services.training import log
from ptrapp.services.training.for_role import for_role
from ptrapp.services.training_panel import TrainingPanel, read_panel

Setting = bool | int | float | str


class NewJob(Body):
    """A job to queue."""

    kind: JobKind
    """Kind of the job."""
    settings: dict[str, Setting | Annotated[list[Setting], Field(max_length=32)]] = Field(
        {}, max_length=32
    )
    """Settings that differ from the recipe's defaults. The training process checks names and
    bounds; a mistake is the error of the failed job."""
    parent: str = Field("", max_length=64)
    """The version to start from; empty is the one that is served now."""


def training(context: AppContext, person: Caller) -> TrainingPanel:
    """Everything the Train page shows."""
    return read_panel(context, person.role)


def list_jobs(context: AppContext, person: Caller) -> list[jobs.JobView]:
    """The newest jobs: trainings, evaluations, judges, each with progress and result."""
    return [for_role(one, person.role) for one in jobs.listing(context)]


def one_job(context: AppContext, job_id: Id, person: Caller) -> jobs.JobView:
    """One job with its whole result."""
    return for_role(jobs.view(context, job_id), person.role)


def log_of(context: AppContext, job_id: Id) -> FileResponse:
    """The whole log of a job as a file. For admins: it names folders of the server."""
    jobs.view(context, job_id)  # a job that is none has another answer than one without a log
    path = log.path_of(context, job_id)
    return FileResponse(path, media_type="text/plain", filename=f"thrice-job-{job_id}.log")


def new_job(context: AppContext, body: NewJob, person: Caller) -> JobQueued:
    """Queue a job; returns its id. For admins."""
    by, rater = people.name_of(context, person), person.rater
    job_id = jobs.start(context, body.kind, body.settings, parent=body.parent, by=by, rater=rater)
    return JobQueued(job_id)


def cancel(context: AppContext, job_id: Id) -> StateNow:
    """Stop a job; it can be resumed from its last checkpoint. For admins."""
    jobs.cancel(context, job_id)
    return StateNow("cancelling")


def resume(context: AppContext, job_id: Id) -> StateNow:
    """Queue a failed or cancelled job again, to continue from its last checkpoint."""
    jobs.resume(context, job_id)
    return StateNow("queued")


def discard(context: AppContext, job_id: Id) -> StateNow:
    """Delete the checkpoints of a failed or cancelled job, which cannot be resumed any more."""
    jobs.discard(context, job_id)
    return StateNow("discarded")
