"""A whole product at work: an app, a worker with a job, people who vote; each can be killed.

Programs are forked by one that has imported everything: most of a kill's time would be imports.
"""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from bench.faults.annotators import Annotators
from bench.labels.app import create_campaign, invite, start_app
from bench.labels.filling import fill
from bench.labels.processes import Program, clean_environment
from bench.warm.asking import Template, WarmWorker, children_of
from db.models import Job, JobKind, JobStatus
from db.registry import jobs
from db.storage.session import open_database
from ptrapp.core.settings import Settings

N_ANNOTATORS = 4
OVERLAP = 4
LEASE_S = 3.0
JOB = {
    "settings": {"epochs": 2, "save_steps": 2, "eval_share": 0.0, "max_examples": 48},
}
"""A DPO training of a dozen steps on the newest votes, with a checkpoint at every second one."""


class World:
    """The programs, their database and data folder."""

    def __init__(self, folder: Path, url: str, n_pairs: int) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'thrice.db'}"
        self.settings = Settings(data_dir=folder, database_url=url, lease_s=LEASE_S)
        self._template = Template(with_app=True)
        fill(folder, n_pairs, url=self.url)
        self.database = open_database(self.url)
        self._template.wait()
        self.app = self._started_app()
        self.campaign = create_campaign(self.app, "killed", OVERLAP, n_pairs)
        headers = invite(self.app, N_ANNOTATORS, "survivor")
        self.annotators = Annotators(lambda: self.app.port, self.campaign, headers)
        self.worker = self._started_worker()

    def kill_app(self) -> None:
        self.app.kill()

    def restart_app(self) -> None:
        self.app = self._started_app()

    def kill_worker(self) -> None:
        """Kills the worker alone; its job's process must not live on."""
        self.worker.kill()
        self.worker.wait()

    def restart_worker(self) -> None:
        self.worker = self._started_worker()

    def kill_job(self) -> bool:
        """Kills the process that trains; returns whether there was one."""
        children = children_of(self.worker.pid)
        for child in children:
            os.kill(child, signal.SIGKILL)
        return bool(children)

    def running_job(self, timeout_s: float) -> Job:
        """Returns the job that is worked on; one is queued where there is none."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            with self.database.read() as session:
                open_ = [job for job in jobs.queue(session) if job.status in jobs.OPEN]
            if not open_:
                with self.database.write() as session:
                    jobs.enqueue(session, JobKind.DPO, dict(JOB), dedup=uuid4().hex)
            elif open_[-1].status is JobStatus.RUNNING:
                return open_[-1]
            time.sleep(0.1)
        raise SystemExit(f"No job was claimed within {timeout_s} s; see {self.folder}/worker.log")

    def job(self, job_id: int) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job_id)

    def close(self) -> None:
        self.annotators.close()
        self.worker.terminate()
        self.worker.wait(20)
        self.app.close()
        self._template.close()
        self.database.dispose()

    def _started_app(self) -> Program:
        # no gate: it would queue evaluations beside the trainings that are killed here
        flags = ("--database-url", self.url, "--gate-problems", "0", "--backup-every-h", "0")

        def start(command: Sequence[str], environment: dict[str, str], log: Path) -> WarmWorker:
            return self._template.start_app(command[2:], environment, log)

        # people label before the model is there, so it is not waited for
        return start_app(self.folder, *flags, health="/api/v1/me", start=start)

    def _started_worker(self) -> WarmWorker:
        environment = clean_environment("THRICE_") | self.settings.as_environment()
        environment |= {"THRICE_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
        return self._template.start_worker((), environment)
