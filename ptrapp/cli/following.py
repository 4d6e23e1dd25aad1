"""Follows a job in the terminal until it ends, and starts a worker if none is running."""

import sys
import time
from contextlib import ExitStack, suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.storage.errors import DatabaseLocked
from ptrapp.cli.context import CommandContext
from ptrapp.core.errors import InputError, ThriceError
from ptrapp.services import jobs
from ptrapp.services.worker_process import WorkerSupervisor

POLL_S = 0.3
OPEN = ("queued", "running")

console = Console(stderr=True, highlight=False)
"""For everything but the result, which alone goes to the standard output."""


class JobEnded(ThriceError):
    """A followed job failed or was cancelled."""


def follow(context: CommandContext, job_id: int) -> jobs.JobView:
    """Waits for a job, shows its progress, and returns it when it is done.

    The worker of a running app carries it out; where no worker had a heartbeat lately, one is
    started. Ctrl-C cancels the job, which keeps its last checkpoint. Raises `JobEnded` with the
    reason when the job fails or is cancelled.
    """
    n_printed, own = 0, None
    with ExitStack() as stack:
        bar = stack.enter_context(_bar())
        task = bar.add_task("waiting", total=None)
        while (job := _read(context, job_id)).status in OPEN:
            if own is None and not jobs.has_worker(context):
                own = WorkerSupervisor(context.settings)
                stack.callback(own.stop)
                own.start()
            text = "stopping" if job.stopping else job.phase or f"job {job_id} is {job.status}"
            bar.update(task, description=text, completed=job.step, total=job.n_steps or None)
            n_printed = _print_notes(job, n_printed)
            try:
                time.sleep(POLL_S)
            except KeyboardInterrupt:
                console.print(f"Stopping job {job_id}; its last checkpoint is kept.")
                with suppress(InputError):  # it ended meanwhile, and is read once more
                    jobs.cancel(context, job_id)
    _print_notes(job, n_printed)
    if job.status != "done":
        reason = job.error or "it was asked to stop"
        raise JobEnded(
            f"Job {job_id} {job.status}: {reason}\nGo on with: python -m ptrapp resume {job_id}"
        )
    return job


def _read(context: CommandContext, job_id: int) -> jobs.JobView:
    """Reads the job, and retries while the database is locked."""
    while True:
        with suppress(DatabaseLocked):
            return jobs.view(context, job_id)
        time.sleep(POLL_S)


def _print_notes(job: jobs.JobView, n_printed: int) -> int:
    for note in job.notes[n_printed:]:
        prefix = "Warning: " if note.level == "warning" else ""
        console.print(prefix + note.text, markup=False, soft_wrap=True)
    return len(job.notes)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not sys.stderr.isatty(),
        transient=True,
    )
