"""Training jobs as a person sees them: what the next one would train on, start, cancel, resume."""

import logging
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

from db.labelling import preferences
from db.models import Job, JobKind, JobStatus
from db.registry import adapters, curves, jobs, workers
from db.storage.errors import AlreadyQueued
from db.storage.session import Session
from ptrapp.core.counts import counted
from ptrapp.core.errors import InputError, NotFound, StorageError
from ptrapp.core.public import in_public
from ptrapp.services import job_asked as asked
from ptrapp.services import shares, sources
from ptrapp.services.context import DataContext
from ptrapp.services.outlook import check_worthwhile

log = logging.getLogger(__name__)

SHOWN_CURVES = (
    "loss",
    "rewards/margins",
    "rewards/accuracies",
    "eval_loss",
    "eval_rewards/margins",
    "eval_rewards/accuracies",
)
"""Metrics that the page draws; `eval_` are those on held-out examples, which have fewer points."""
WORKER_TIMEOUT_S = 30.0
"""A worker without a heartbeat for longer counts as gone. It sends one every few seconds, and on a
busy machine now and then none for ten."""


@dataclass(frozen=True, slots=True)
class Note:
    """One message of a job to people."""

    level: str
    """`info` or `warning`."""
    text: str


@dataclass(frozen=True, slots=True)
class JobView:
    """One job of the queue, with its curves."""

    id: int
    kind: str
    status: str
    place: int | None
    phase: str
    step: int
    n_steps: int
    eta_s: float | None
    error: str | None
    """Why it failed, without folders and addresses of the server, which its log has."""
    notes: list[Note]
    settings: dict[str, Any]
    """Settings that were given; the others are the recipe's defaults."""
    parent: str
    adapter: str | None
    created_at: datetime
    curves: dict[str, list[tuple[int, float]]]
    result: dict[str, Any]
    """The result that its recipe returned; without tables in a list of jobs."""
    has_tables: bool
    """Whether the result has tables, which a list of jobs leaves out."""
    stopping: bool


def start(
    context: DataContext,
    kind: JobKind,
    recipe: dict[str, Any] | None = None,
    *,
    parent: str = "",
    by_operator: bool = False,
    by: str = "",
    rater: str = "",
) -> int:
    """Queues a job that starts from the served version, unless `parent` names another.

    Only `by_operator`, on the command line, may a recipe name files and folders of the machine.
    `by` says who queues it, in words, and `rater` who that is: a person has a share of the queue.
    Returns its id. Raises `ConfigurationError` for settings that the job would refuse, `InputError`
    for such names and when there is nothing to train on, `NotFound` for a version or campaign that
    is not there, `AlreadyQueued` when the same job is queued or running.
    """
    if not by_operator:
        sources.check(context.settings, recipe or {})
        asked.check_servers(context.settings, recipe or {})
    asked.check(kind, recipe or {})
    if not parent or kind is JobKind.REWARD_MODEL:
        check_worthwhile(context, kind, recipe or {})
    with context.database.write() as session:
        if rater:
            shares.check_jobs(context, session, rater)
        parent_id = _parent_id(session, parent)
        asked.check_names(session, kind, recipe or {})
        return _enqueue(context, session, kind, recipe or {}, parent_id, by, rater).id


def start_judging(
    context: DataContext, campaign_id: int, judge: str = "", *, by: str = "", rater: str = ""
) -> int:
    """Queues a job in which the app's judge, or the one that `judge` names, labels a campaign.

    `by` and `rater` are as in `start`. Returns its id. Raises `InputError` for a judge that only
    the operator may name, `NotFound`, `AlreadyQueued` when such a job is queued or running.
    """
    recipe: dict[str, Any] = {"campaign_id": campaign_id}
    if judge:
        recipe["judge"] = judge
    sources.check(context.settings, recipe)
    asked.check(JobKind.JUDGE, recipe)
    with context.database.write() as session:
        asked.check_names(session, JobKind.JUDGE, recipe)
        if rater:
            shares.check_jobs(context, session, rater)
        return _enqueue(context, session, JobKind.JUDGE, recipe, None, by, rater).id


def queue_when_due(context: DataContext, session: Session) -> None:
    """Queues a DPO job in the vote's own transaction once enough new preferences are in."""
    every = context.settings.train_every
    if not every:
        return
    tried = adapters.votes_tried_up_to(session, adapters.active(session))
    if preferences.count_preferences(session, tried, up_to=every) < every:
        return
    try:
        by = f"the app, after {counted(every, 'vote')}"
        _enqueue(context, session, JobKind.DPO, {}, _parent_id(session, ""), by)
    except AlreadyQueued:
        return


def cancel(context: DataContext, job_id: int) -> None:
    """Asks a queued or running job to stop; its last checkpoint is kept.

    A job that was cancelled stays so. Raises `InputError` for one that ended otherwise.
    """
    with context.database.write() as session:
        _job(session, job_id)
        job = jobs.request_cancel(session, job_id)
        if job.status not in (*jobs.OPEN, JobStatus.CANCELLED):
            raise InputError(f"Job {job_id} is {job.status.value}; there is nothing to cancel.")


def resume(context: DataContext, job_id: int) -> None:
    """Queues a failed or cancelled job again; it continues from its last checkpoint."""
    with context.database.write() as session:
        job = _job(session, job_id)
        if job.status not in jobs.STOPPED:
            raise InputError(
                f"Job {job_id} is {job.status.value}; only a stopped job can be resumed."
            )
        jobs.resume(session, job_id)


def discard(context: DataContext, job_id: int) -> None:
    """Discards a queued, failed or cancelled job and deletes its folder with all checkpoints.

    Raises `Conflict` for any other job, `StorageError` when the folder cannot be deleted.
    """
    with context.database.write() as session:
        _job(session, job_id)
        jobs.discard(session, job_id)
    folder = context.settings.jobs_dir / str(job_id)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        log.info("job %d is discarded; it had no folder", job_id)
    except OSError as error:
        raise StorageError(
            f"Job {job_id} is discarded, but its folder {folder} could not be removed "
            f"({error.strerror}); remove it by hand."
        ) from error


def listing(context: DataContext, limit: int = 12) -> list[JobView]:
    """Returns the newest jobs first, each with its queue position, progress and curves."""
    with context.database.read() as session:
        names = _Names.read(session)
        return [_brief(_view(session, job, names)) for job in jobs.queue(session, limit)]


def view(context: DataContext, job_id: int) -> JobView:
    """Returns one job as it is now. Raises `NotFound`."""
    with context.database.read() as session:
        return _view(session, _job(session, job_id), _Names.read(session))


def has_worker(context: DataContext) -> bool:
    """Returns whether any worker has sent a heartbeat lately."""
    with context.database.read() as session:
        ago = workers.seconds_since_heartbeat(session)
    return ago is not None and ago <= WORKER_TIMEOUT_S


def _enqueue(
    context: DataContext,
    session: Session,
    kind: JobKind,
    recipe: dict[str, Any],
    parent_id: int | None,
    by: str,
    rater: str = "",
) -> Job:
    """Queues a job for the base model that answers now: another may answer when it runs."""
    payload = {
        "parent_adapter_id": parent_id,
        "settings": recipe,
        "filters": {},
        "base_model": context.base_model,
        "started_by": by,
        "started_by_id": rater,
    }
    base_model = context.base_model or context.settings.model
    dedup = asked.key(kind, recipe, parent_id, base_model)
    return jobs.enqueue(session, kind, payload, dedup=dedup)


def _parent_id(session: Session, name: str) -> int | None:
    """Returns the id of the version to start from, None for the base; "" is the one served."""
    if name == "base":
        return None
    row = adapters.by_name(session, name) if name else adapters.active(session)
    if name and row is None:
        raise NotFound(f"There is no version {name}.")
    return row.id if row else None


def _job(session: Session, job_id: int) -> Job:
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


class _Names(NamedTuple):
    """Names of versions by their row ids, and by the ids of the jobs that made them."""

    of: dict[int | None, str]
    made_by: dict[int | None, str]

    @classmethod
    def read(cls, session: Session) -> Self:
        rows = adapters.listing(session)
        return cls({row.id: row.name for row in rows}, {row.job_id: row.name for row in rows})


def _view(session: Session, job: Job, names: _Names) -> JobView:
    return JobView(
        id=job.id,
        kind=job.kind.value,
        status=job.status.value,
        place=jobs.queue_position(session, job.id),
        phase=job.phase,
        step=job.step,
        n_steps=job.n_steps,
        eta_s=job.eta_s,
        error=in_public(job.error) if job.error else None,
        notes=[Note(note["level"], in_public(note["text"])) for note in job.notes],
        settings=job.payload.get("settings", {}),
        parent=names.of.get(job.payload.get("parent_adapter_id"), "base"),
        adapter=names.made_by.get(job.id),
        created_at=job.created_at,
        curves=curves.of_job(session, job.id, SHOWN_CURVES),
        result=job.result,
        has_tables=any(isinstance(value, list | dict) for value in job.result.values()),
        stopping=job.cancel_requested,
    )


def _brief(job: JobView) -> JobView:
    """Returns the job without the tables of its result: a page reads all jobs every second."""
    numbers = {
        name: value for name, value in job.result.items() if not isinstance(value, list | dict)
    }
    return replace(job, result=numbers)
