"""A claimed job as its training process holds it: the right to write, folder, stop signal."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from db.models import JobKind
from db.registry import jobs
from db.storage.errors import DatabaseLocked
from db.storage.session import Database
from ptrapp.core.settings import Settings
from training.jobs.payload import Payload

log = logging.getLogger(__name__)

TOKEN_VARIABLE = "THRICE_CLAIM_TOKEN"
"""Environment variable that hands the claim's token from the worker to the training process."""


class Exit(IntEnum):
    """How the training process ends: it tells the worker who has said what became of the job."""

    DONE = 0
    """The version is registered."""
    FAILED = 3
    """The reason stands on the job."""
    STOPPED = 4
    """Asked to end; a checkpoint is saved and the job still claimed."""
    FENCED = 5
    """Somebody else has the job; nothing was stored."""


class StopRequested(Exception):
    """The worker asked this process to end; what was trained so far is in the last checkpoint."""


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
    leads: bool = True
    """Whether this process writes: of several that train one job together, only the first does."""

    @property
    def folder(self) -> Path:
        """Where snapshot, reference log-probabilities, checkpoints and log of the job lie."""
        return folder_of(self.settings, self.job_id)

    def enter(self, phase: str) -> None:
        """Tell the queue what happens now. Raises `StopRequested`, and `Conflict` when fenced."""
        if self.stop.is_set():
            raise StopRequested
        self.report(phase, 0, 0, None)

    def report(
        self,
        phase: str,
        step: int,
        n_steps: int,
        eta_s: float | None,
        metrics: dict[int, dict[str, float]] | None = None,
    ) -> bool:
        """Store progress and the metrics of finished steps; False when the database was busy.

        A full minute of a locked database must not end a training, so the caller tries again later.
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
        return True

    def finish(self, result: Mapping[str, Any]) -> None:
        """End the job as done, with what it found. Raises `Conflict` when fenced."""
        if self.leads:
            with self.database.write() as session:
                jobs.finish(session, self.job_id, self.token, result)

    def note(self, text: str, level: jobs.NoteLevel = "info") -> None:
        """Tell a person something about this job, once; a locked database is no reason to end.

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
    """The folder of one job, absolute."""
    return (settings.jobs_dir / str(job_id)).resolve()
