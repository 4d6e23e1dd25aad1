"""Reads what the bar of every page shows one person: pages, the version that answers, the job."""

from dataclasses import dataclass

from db.models import Job, JobStatus
from db.registry import adapters, jobs
from db.storage.session import Session
from ptrapp.core.people import ADMINS, LABELS, READS, Person
from ptrapp.services import base_models
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import people
from ptrapp.services.training.progress import read_progress

PAGES = (
    ("Play", READS),
    ("Label", LABELS),
    ("Campaigns", READS),
    ("Versions", READS),
    ("Train", READS),
    ("Data", ADMINS),
    ("People", ADMINS),
)
"""Every page in the order of the bar, and whose it is."""
_LOOKED_AT = 20
"""Newest jobs among which the running one and the last that ended are looked for."""


@dataclass(frozen=True, slots=True)
class JobInBar:
    """A job as the bar shows it."""

    id: int
    kind: str
    status: str
    share: float | None
    """How much of it is done, 0 to 1, as its page says; None where that is not known."""
    eta_s: float | None
    """Seconds that it still takes, as its page says; None where that is not known."""
    n_waiting: int
    """Jobs that are queued behind it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The bar of one person."""

    name: str
    role: str
    pages: tuple[str, ...]
    """The pages this role may use."""
    serving: str | None = None
    """The version that answers; None for who may not know it."""
    parent: str | None = None
    """What rolling back would serve; None when the base model answers."""
    may_serve: bool = False
    awaits_model: bool = False
    """Whether nobody is answered yet, because the model is on its way."""
    job: JobInBar | None = None
    """The job that runs or is next."""
    ended: JobInBar | None = None
    """The newest job that has ended."""


def read_frame(context: AppContext, person: Person) -> Frame:
    """Returns the bar as this person sees it; who only labels learns no version and no job."""
    name, role = people.name_of(context, person), person.role
    pages = tuple(page for page, roles in PAGES if role in roles)
    if role not in READS:
        return Frame(name, role.value, pages)
    with context.database.read() as session:
        active = adapters.active(session)
        latest = jobs.queue(session, _LOOKED_AT)
        going = [job for job in reversed(latest) if job.status in jobs.OPEN]
        going.sort(key=lambda job: job.status is not JobStatus.RUNNING)
        done = [job for job in latest if job.status not in jobs.OPEN]
        done.sort(key=lambda job: (job.finished_at is not None, job.finished_at), reverse=True)
        return Frame(
            name,
            role.value,
            pages,
            serving=active.name if active else "base",
            parent=(active.parent.name if active.parent else "base") if active else None,
            may_serve=role in ADMINS,
            awaits_model=base_models.is_awaited(context),
            job=_going_in_bar(session, going[0], len(going) - 1) if going else None,
            ended=_ended_in_bar(done[0]) if done else None,
        )


def _going_in_bar(session: Session, job: Job, n_waiting: int) -> JobInBar:
    kind, status = job.kind.value, job.status.value
    if job.status is not JobStatus.RUNNING:
        return JobInBar(job.id, kind, status, None, None, n_waiting)
    found = read_progress(session, job)
    return JobInBar(job.id, kind, status, found.share, found.left_s, n_waiting)


def _ended_in_bar(job: Job) -> JobInBar:
    return JobInBar(job.id, job.kind.value, job.status.value, None, None, 0)
