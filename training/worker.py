"""Works through the queue: `python -m training.worker`, a small process that never loads a model.

Each job runs in a child (`training.run`) with memory of its own. The worker keeps the lease, ends
the child when the job is cancelled or taken over, and puts the job back when it is ended itself.
"""

import argparse
import ctypes
import logging
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from db.models import Job
from db.registry import jobs, workers
from db.storage.errors import Conflict, DatabaseError
from db.storage.session import Database, Session, open_database
from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings, load_settings
from training.jobs.claim import TOKEN_VARIABLE, Exit, folder_of

log = logging.getLogger(__name__)

POLL_S = 0.3
"""How often the queue and the cancel flag are looked at."""
HELLO_S = 3.0
"""How often a worker says that it is there."""
CANCEL_GRACE_S = 0.8
"""What a cancelled child gets to save a checkpoint: a cancel is seen to work within a second."""
END_GRACE_S = 2.0
"""The same when the worker itself is ended; the job goes on with the next one."""
RETRY_AFTER_KILL_S = 1.0
"""Lease left to a job whose child was killed: it is then taken over, which counts its deaths."""
RETRY_MAX_S = 5.0
"""Longest pause between two tries to reach the database."""
SPOKEN = (Exit.DONE, Exit.FAILED, Exit.FENCED)
"""How a child ends that leaves the worker nothing to say."""


class Worker:
    """One worker: at most one child at a time."""

    def __init__(self, settings: Settings, *, exit_with_parent: bool = False) -> None:
        self._settings = settings
        self._parent = os.getppid() if exit_with_parent else None
        self._stopped = False
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._said_hello = float("-inf")

    def stop(self, *_: object) -> None:
        """End after putting the job back. A signal handler: it sets a flag and takes no lock."""
        self._stopped = True

    def work(self) -> None:
        """Carry out jobs until stopped; a database out of reach is waited for."""
        database: Database | None = None
        pause_s, last_error = POLL_S, ""
        while not self._ending():
            try:
                database = database or open_database(self._settings.database)
                self._drain(database)
                pause_s, last_error = POLL_S, ""
            except DatabaseError as error:
                if str(error) != last_error:
                    log.error("waiting for the database: %s", error)
                pause_s, last_error = min(2 * pause_s, RETRY_MAX_S), str(error)
            self._pause(pause_s)
        if database is not None:
            self._say_goodbye(database)
            database.dispose()

    def _ending(self) -> bool:
        """Whether to end: asked to, or the program this worker belongs to is gone.

        The parent is polled, because Linux's death signal comes when the *thread* that started us
        ends, and an application may start us from a short-lived one.
        """
        orphan = self._parent is not None and os.getppid() != self._parent
        self._stopped = self._stopped or orphan
        return self._stopped

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._ending() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _drain(self, database: Database) -> None:
        """Carry out jobs, one after another, until none is waiting."""
        while not self._ending():
            with database.write() as session:
                self._say_hello(session)
                job = jobs.claim(session, self._settings.lease_s)
            if job is None:
                return
            try:
                self._carry_out(database, job)
            except Conflict as error:
                log.warning("%s", error)

    def _say_goodbye(self, database: Database) -> None:
        try:
            with database.write() as session:
                workers.gone(session, self._name)
        except DatabaseError as error:
            log.info("the queue does not know yet that this worker ended: %s", error)

    def _say_hello(self, session: Session) -> None:
        if time.monotonic() - self._said_hello >= HELLO_S:
            workers.seen(session, self._name, os.getpid(), socket.gethostname())
            self._said_hello = time.monotonic()

    def _carry_out(self, database: Database, job: Job) -> None:
        """Run the job's child to its end, or end it. Raises `Conflict` when the job is lost."""
        token = job.claim_token
        assert token, "a claimed job has a token"
        log.info("job %d (%s) starts", job.id, job.kind)
        try:
            child = _start(self._settings, job.id, token)
        except OSError as error:
            with database.write() as session:
                jobs.fail(session, job.id, token, f"The training could not be started: {error}.")
            return
        cancelled = False
        try:
            beaten = time.monotonic()
            while child.poll() is None and not self._ending() and not cancelled:
                due = time.monotonic() - beaten >= self._settings.lease_s / 3
                try:
                    cancelled = self._look(database, job.id, token, beat=due)
                except Conflict:
                    raise
                except DatabaseError as error:
                    log.warning("job %d goes on without the database: %s", job.id, error)
                beaten = time.monotonic() if due else beaten
                _wait(child, POLL_S)
            _end(child, CANCEL_GRACE_S if cancelled else END_GRACE_S)
        finally:
            _end(child, 0)
        self._settle(database, job, token, child.returncode, cancelled)

    def _look(self, database: Database, job_id: int, token: str, *, beat: bool) -> bool:
        """Whether the job is to be cancelled; with `beat` the lease is renewed as well."""
        with database.read() as session:
            job = session.get(Job, job_id)
        if job is None or job.claim_token not in (token, None):
            raise Conflict(f"Job {job_id} was taken over; its process here is ended.")
        if beat and job.claim_token is not None:  # None: the child has just ended the job
            with database.write() as session:
                self._say_hello(session)
                return jobs.heartbeat(session, job_id, token, self._settings.lease_s)
        return job.cancel_requested

    def _settle(
        self, database: Database, job: Job, token: str, status: int, cancelled: bool
    ) -> None:
        """Say what became of a job whose child did not say it."""
        if status in SPOKEN:
            log.info("job %d ended: %s", job.id, Exit(status).name.lower())
            return
        with database.write() as session:
            if cancelled:
                jobs.mark_cancelled(session, job.id, token)
            elif self._stopped or status == Exit.STOPPED:
                jobs.release(session, job.id, token)
            elif status < 0:
                phase = f"killed (signal {-status}); starting again from the last checkpoint"
                log.error("job %d: %s", job.id, phase)
                jobs.progress(session, job.id, token, phase=phase)
                jobs.heartbeat(session, job.id, token, RETRY_AFTER_KILL_S)
            else:
                jobs.fail(session, job.id, token, self._last_words(job.id, status))

    def _last_words(self, job_id: int, status: int) -> str:
        file = folder_of(self._settings, job_id) / "log.txt"
        lines = file.read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "it wrote nothing"
        return f"The training process ended with status {status}: {last} (see {file})."


def _start(settings: Settings, job_id: int, token: str) -> "subprocess.Popen[bytes]":
    folder = folder_of(settings, job_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("ab") as output:
        return subprocess.Popen(
            [*_launcher(settings), "-m", "training.run", str(job_id)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=with_import_path(os.environ | {TOKEN_VARIABLE: token}),
            process_group=0,  # Ctrl-C in the terminal is the worker's business
            preexec_fn=_die_with_worker if _LIBC else None,
        )


def _launcher(settings: Settings) -> list[str]:
    """This interpreter, or the command that starts one on each of several devices.

    A launcher is looked for beside the interpreter first: that is where its package put it.
    """
    command = shlex.split(settings.train_launcher)
    if not command:
        return [sys.executable]
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return [shutil.which(command[0], path=places) or command[0], *command[1:]]


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _die_with_worker() -> None:
    """In the child: be killed when the worker dies, or two would train the job side by side."""
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _end(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask the child to end, and kill it when it has not within `grace_s`."""
    if child.poll() is None and grace_s:
        child.terminate()
        _wait(child, grace_s)
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)  # a launcher's processes are in its group
        child.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m training.worker")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when the program that started this worker is gone",
    )
    arguments = parser.parse_args()
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    worker = Worker(settings, exit_with_parent=arguments.exit_with_parent)
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    worker.work()
    return 0


if __name__ == "__main__":
    sys.exit(main())
