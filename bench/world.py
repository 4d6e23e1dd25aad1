"""The whole product without a browser: database, engine, worker process, for a measurement."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from db import adapters
from db.models import Adapter, Job, JobKind, JobStatus
from db.session import open_database
from ptrapp.core.errors import TrainingError
from ptrapp.core.settings import load_settings
from ptrapp.engines.local import LocalEngine
from ptrapp.services import jobs, versions
from ptrapp.services.studio import Studio
from ptrapp.services.worker_process import start_worker, stop_worker

POLL_S = 0.2
PATIENCE_S = 900.0


@contextmanager
def open_world(model: str = "bundled") -> Iterator[Studio]:
    """A studio in a temporary folder with a real worker beside it, as the app starts one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thrice-bench-")))
        settings = load_settings(model=model, data_dir=folder, auto_activate=True)
        database = open_database(settings.database)
        stack.callback(database.dispose)
        engine = LocalEngine(settings.model_path, thought_format=settings.thought_format)
        stack.callback(engine.close)
        stack.callback(stop_worker, start_worker(settings))
        yield Studio(settings, database, engine)


def train(studio: Studio, kind: JobKind, recipe: dict[str, Any]) -> tuple[Adapter, float]:
    """Queue a job, wait for the worker, serve the result; returns it and the job's seconds.

    Raises `TrainingError` with the job's own words when it fails.
    """
    job_id = jobs.start(studio, kind, recipe)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with studio.database.read() as session:
            job = session.get_one(Job, job_id)
        if job.status is JobStatus.DONE:
            versions.Publisher(studio).publish_ready()
            with studio.database.read() as session:
                made = adapters.active(session)
            assert made is not None
            assert job.started_at is not None
            assert job.finished_at is not None
            return made, (job.finished_at - job.started_at).total_seconds()
        if job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            raise TrainingError(f"Job {job_id} {job.status.value}: {job.error}")
        time.sleep(POLL_S)
    raise TrainingError(f"Job {job_id} took longer than {PATIENCE_S:.0f} s.")
