"""A claimed job as its training process sees it: the right to write, a folder, a stop signal."""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

from db.models import JobKind
from db.registry import jobs
from db.storage.errors import DatabaseLocked
from db.storage.session import Database
from ptrapp.core.settings import Settings
from training.jobs.payload import Payload
from training.jobs.sinks import Sinks

log = logging.getLogger(__name__)

T = TypeVar("T")

REPORT_EVERY_S = 0.3
"""Seconds between two reports: progress visibly moves at a few writes a second at most."""
TOKEN_VARIABLE = "THRICE_CLAIM_TOKEN"
"""Environment variable that hands the claim's token from the worker to the training process."""


class Exit(IntEnum):
    """How the training process ends, which tells the worker who stored the end of the job."""

    DONE = 0
    """The job's result is stored."""
    FAILED = 3
    """The reason is stored on the job."""
    STOPPED = 4
    """Stopped on request; a checkpoint is saved and the job is still claimed."""
    FENCED = 5
    """Another worker has claimed the job; nothing was stored."""
    DISK_FULL = 6
    """There was no room on the disk; the job is still claimed, to go on when there is."""


class StopRequested(Exception):
    """The worker asked this process to stop; the training so far is in the last checkpoint."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one job. Every write carries the token: a lost claim writes nothing."""

    database: Database
    settings: Settings
    job_id: int
    token: str
    kind: JobKind
    payload: Payload
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by SIGTERM."""
    sinks: Sinks = field(default_factory=Sinks)
    """Where its metrics are mirrored to."""
    leads: bool = True
    """Whether this process writes: of the processes of one job only the leader does."""

    @property
    def folder(self) -> Path:
        """The job's folder, with snapshot, reference log-probabilities, checkpoints and log."""
        return folder_of(self.settings, self.job_id)

    def enter(self, phase: str) -> None:
        """Stores the phase that begins now. Raises `StopRequested`, and `Conflict` when fenced."""
        if self.stop.is_set():
            raise StopRequested
        self.report(phase, 0, 0, None)

    def each(self, items: Collection[T], phase: str) -> Iterator[T]:
        """Yields the items of a phase, and stores now and then how many of them are done.

        Raises what `enter` does.
        """
        self.enter(phase)
        reported = time.monotonic()
        for n_done, item in enumerate(items):
            now = time.monotonic()
            if now - reported >= REPORT_EVERY_S:
                if self.stop.is_set():
                    raise StopRequested
                self.report(phase, n_done, len(items), None)
                reported = now
            yield item

    def report(
        self,
        phase: str,
        step: int,
        n_steps: int,
        eta_s: float | None,
        metrics: dict[int, dict[str, float]] | None = None,
    ) -> bool:
        """Stores progress and the metrics of finished steps; False when the database is busy.

        A database that is locked for a minute must not end a training, so the caller tries again
        later.
        """
        if not self.leads:
            return True
        try:
            with self.database.write() as session:
                jobs.progress(
                    session,
                    self.job_id,
                    self.token,
                    phase=phase,
                    step=step,
                    n_steps=n_steps,
                    eta_s=eta_s,
                )
                for at, values in (metrics or {}).items():
                    jobs.record_metrics(session, self.job_id, self.token, at, values)
        except DatabaseLocked as error:
            log.warning("progress of job %d is not stored yet: %s", self.job_id, error)
            return False
        self.sinks.write(metrics or {})
        return True

    def finish(self, result: Mapping[str, Any]) -> None:
        """Stores the job as done, with its result. Raises `Conflict` when fenced."""
        if self.leads:
            with self.database.write() as session:
                jobs.finish(session, self.job_id, self.token, result)

    def note(self, text: str, level: jobs.NoteLevel = "info") -> None:
        """Stores a note for people on the job, once; a locked database only logs it.

        Raises `Conflict` when fenced.
        """
        if not self.leads:
            return
        try:
            with self.database.write() as session:
                jobs.note(session, self.job_id, self.token, level, text)
        except DatabaseLocked as error:
            log.warning("a note on job %d is not stored (%s): %s", self.job_id, text, error)


def folder_of(settings: Settings, job_id: int) -> Path:
    """Returns the absolute path of a job's folder."""
    return (settings.jobs_dir / str(job_id)).resolve()
