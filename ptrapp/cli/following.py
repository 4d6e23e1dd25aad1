"""Watching a job from a terminal until it ends, with a worker of our own if none is there."""

import sys
import time
from contextlib import ExitStack, suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from db.storage.errors import DatabaseLocked
from ptrapp.cli.context import CommandContext
from ptrapp.core.errors import ThriceError
from ptrapp.services import jobs
from ptrapp.services.worker_process import start_worker, stop_worker

POLL_S = 0.3
OPEN = ("queued", "running")

console = Console(stderr=True, highlight=False)
"""Everything but the result: that one alone goes to the standard output."""


class JobEnded(ThriceError):
    """A job that was waited for failed or was cancelled."""


def follow(context: CommandContext, job_id: int) -> jobs.JobView:
    """Wait for a job and show how it goes; return it when it is done.

    The worker of a running app does it; where none has been heard of lately we bring our own.
    Ctrl-C cancels the job, which keeps its last checkpoint. Raises `JobEnded` with the reason when
    it does not get done.
    """
    n_said, own = 0, None
    with ExitStack() as stack:
        bar = stack.enter_context(_bar())
        task = bar.add_task("waiting", total=None)
        while (job := _look(context, job_id)).status in OPEN:
            if own is None and not jobs.worker_there(context):
                own = start_worker(context.settings)
                stack.callback(stop_worker, own)
            text = "stopping" if job.stopping else job.phase or f"job {job_id} is {job.status}"
            bar.update(task, description=text, completed=job.step, total=job.n_steps or None)
            n_said = _say(job, n_said)
            try:
                time.sleep(POLL_S)
            except KeyboardInterrupt:
                console.print(f"Stopping job {job_id}; its last checkpoint is kept.")
                jobs.cancel(context, job_id)
    _say(job, n_said)
    if job.status != "done":
        reason = job.error or "it was asked to stop"
        raise JobEnded(
            f"Job {job_id} {job.status}: {reason}\nGo on with: python -m ptrapp resume {job_id}"
        )
    return job


def _look(context: CommandContext, job_id: int) -> jobs.JobView:
    """As it is now; a database that is busy for a while is waited for."""
    while True:
        with suppress(DatabaseLocked):
            return jobs.view(context, job_id)
        time.sleep(POLL_S)


def _say(job: jobs.JobView, n_said: int) -> int:
    for note in job.notes[n_said:]:
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
