"""Reads the list of jobs page by page, filtered by kind and state."""

from dataclasses import dataclass
from datetime import datetime

from db.models import JobKind, JobStatus
from db.registry import adapters, job_list, phases
from ptrapp.core.errors import InputError
from ptrapp.services.context import DataContext
from ptrapp.services.training import form, speed
from ptrapp.services.training.outcome import JobOutcome, gates_of, outcome

PAGE_ROWS = 25
"""Jobs of one page."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in the list."""

    id: int
    method: str
    status: str
    outcome: JobOutcome
    started_by: str
    created_at: datetime
    took_s: float | None
    """Seconds from its first start to its end; None before that."""
    paused: bool
    """Whether it was interrupted meanwhile."""


@dataclass(frozen=True, slots=True)
class JobTable:
    """One page of the list."""

    rows: tuple[JobRow, ...]
    page: int
    n_pages: int
    n_jobs: int


def read_table(context: DataContext, *, kind: str = "", state: str = "", page: int = 1) -> JobTable:
    """Returns a page of jobs, newest first; an empty `kind` or `state` means any.

    A page that is not there is the nearest. Raises `InputError` for an unknown kind or state.
    """
    try:
        kinds = [JobKind(kind)] if kind else []
        statuses = [JobStatus(state)] if state else []
    except ValueError as error:
        raise InputError(f"{error}; choose one of the list.") from error
    with context.database.read() as session:
        n_jobs = job_list.count(session, kinds, statuses)
        n_pages = max(1, -(-n_jobs // PAGE_ROWS))
        page = min(max(page, 1), n_pages)
        rows = job_list.page(
            session, kinds=kinds, statuses=statuses, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS
        )
        made = adapters.made_by(session, [row.id for row in rows])
        decided = gates_of(session, made)
        began = phases.of_jobs(session, [row.id for row in rows])
        shown = tuple(
            JobRow(
                id=row.id,
                method=form.method_of(row.kind, row.payload.get("settings", {})).label,
                status=row.status.value,
                outcome=outcome(row, made.get(row.id), decided.get(row.id)),
                started_by=row.payload.get("started_by", ""),
                created_at=row.created_at,
                took_s=(row.finished_at - row.started_at).total_seconds()
                if row.finished_at and row.started_at
                else None,
                paused=speed.was_paused(row, began[row.id]),
            )
            for row in rows
        )
    return JobTable(shown, page, n_pages, n_jobs)
