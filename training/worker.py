"""Runs the jobs of the queue: `python -m training.worker`, a small process that loads no model.

Each job runs in a child process (`training.run`) with its own memory. The worker renews the lease,
ends the child when the job is cancelled or claimed by another worker, and puts the job back into
the queue when the worker itself is ended.
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
from ptrapp.core import disk, logs
from ptrapp.core.import_path import with_import_path
from ptrapp.core.settings import Settings, load_settings
from training.jobs.claim import TOKEN_VARIABLE, Exit, folder_of
from training.jobs.room import RoomWatch

log = logging.getLogger(__name__)

POLL_S = 0.3
"""Seconds between two reads of the queue and of the cancel flag."""
HEARTBEAT_S = 3.0
"""Seconds between two updates of the worker's row, which shows that it is alive."""
CANCEL_GRACE_S = 0.8
"""Seconds a cancelled child has to save a checkpoint: a cancel takes effect within a second."""
END_GRACE_S = 2.0
"""The same when the worker itself is ended; another worker resumes the job."""
RETRY_AFTER_KILL_S = 1.0
"""Lease in seconds left to a job whose child was killed; a new claim then counts the attempt."""
RETRY_MAX_S = 5.0
"""Longest pause between two tries to reach the database."""
RECORDED = (Exit.DONE, Exit.FAILED, Exit.FENCED)
"""Exit statuses after which the child has stored the end of its job itself."""


class Worker:
    """Claims jobs and runs each in a child process, one at a time."""

    def __init__(self, settings: Settings, *, parent: int | None = None) -> None:
        self._settings = settings
        self._parent = parent
        self._stopped = False
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._last_heartbeat = float("-inf")
        self._room = RoomWatch(settings.data_dir)

    def stop(self, *_: object) -> None:
        """Asks the worker to put its job back and end.

        A signal handler: it sets a flag and takes no lock.
        """
        self._stopped = True

    def work(self) -> None:
        """Runs jobs until stopped; waits for the database while it is out of reach."""
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
            self._unregister(database)
            database.dispose()

    def _ending(self) -> bool:
        """Returns whether to end: a stop was asked for, or the parent process is gone.

        The parent is polled, because Linux's death signal comes when the *thread* that started us
        ends, and an application may start us from a short-lived one. It tells us its process id,
        as it may be gone before we have loaded what asks for it.
        """
        orphan = self._parent is not None and os.getppid() != self._parent
        self._stopped = self._stopped or orphan
        return self._stopped

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._ending() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _drain(self, database: Database) -> None:
        """Runs jobs, one after another, until none is waiting."""
        while not self._ending():
            with database.write() as session:
                self._send_heartbeat(session)
                self._room.put_back(session)
                lacking = self._room.is_lacking()
                job = None if lacking else jobs.claim(session, self._settings.lease_s)
            self._room.forget()
            if job is None:
                return
            try:
                self._run_job(database, job)
            except Conflict as error:
                log.warning("%s", error)

    def _unregister(self, database: Database) -> None:
        try:
            with database.write() as session:
                self._room.put_back(session)
                workers.remove(session, self._name)
        except DatabaseError as error:
            log.info("this worker's row is not removed from the database yet: %s", error)

    def _send_heartbeat(self, session: Session) -> None:
        if time.monotonic() - self._last_heartbeat >= HEARTBEAT_S:
            workers.heartbeat(session, self._name, os.getpid(), socket.gethostname())
            self._last_heartbeat = time.monotonic()

    def _run_job(self, database: Database, job: Job) -> None:
        """Runs the job's child to its end, or ends it. Raises `Conflict` when the claim is lost."""
        token = job.claim_token
        assert token, "a claimed job has a token"
        log.info("job %d (%s) starts", job.id, job.kind)
        try:
            child = _start(self._settings, job.id, token)
        except OSError as error:
            if disk.is_full(error):
                self._room.pause(job.id, token)
                return
            with database.write() as session:
                jobs.fail(session, job.id, token, f"The training could not be started: {error}.")
            return
        cancelled = False
        try:
            renewed = time.monotonic()
            while child.poll() is None and not self._ending() and not cancelled:
                due = time.monotonic() - renewed >= self._settings.lease_s / 3
                try:
                    cancelled = self._check_job(database, job.id, token, renew=due)
                except Conflict:
                    raise
                except DatabaseError as error:
                    log.warning("job %d continues while the database fails: %s", job.id, error)
                renewed = time.monotonic() if due else renewed
                _wait(child, POLL_S)
            _end(child, CANCEL_GRACE_S if cancelled else END_GRACE_S)
        finally:
            _end(child, 0)
        self._record_end(database, job, token, child.returncode, cancelled)

    def _check_job(self, database: Database, job_id: int, token: str, *, renew: bool) -> bool:
        """Returns whether the job is to be cancelled; with `renew` the lease is renewed as well."""
        job = _held(database, job_id, token)
        if renew and job.claim_token is not None:
            try:
                with database.write() as session:
                    self._send_heartbeat(session)
                    return jobs.heartbeat(session, job_id, token, self._settings.lease_s)
            except Conflict:
                job = _held(database, job_id, token)  # the child has ended it in between, or raises
        return job.cancel_requested

    def _record_end(
        self, database: Database, job: Job, token: str, status: int, cancelled: bool
    ) -> None:
        """Stores the end of a job whose child did not store it."""
        if status in RECORDED:
            log.info("job %d ended: %s", job.id, Exit(status).name.lower())
            return
        if not cancelled and self._found_full(status):
            self._room.pause(job.id, token)
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
                jobs.fail(session, job.id, token, self._last_log_line(job.id, status))

    def _found_full(self, status: int) -> bool:
        """Returns whether a child ended for want of room; a launcher hides the child's status."""
        unsaid = status > 0 and status not in tuple(Exit)
        return status == Exit.DISK_FULL or (unsaid and disk.is_nearly_full(self._settings.data_dir))

    def _last_log_line(self, job_id: int, status: int) -> str:
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
            process_group=0,  # Ctrl-C in the terminal reaches the worker alone
            preexec_fn=_die_with_parent if _LIBC else None,
        )


def _launcher(settings: Settings) -> list[str]:
    """Returns the command of this interpreter, or the one that starts it once for each device.

    A launcher is looked up beside the interpreter first, where its package installs it.
    """
    command = shlex.split(settings.train_launcher)
    if not command:
        return [sys.executable]
    search_path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return [shutil.which(command[0], path=search_path) or command[0], *command[1:]]


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Has the kernel kill the child when the worker dies, or two processes would train one job."""
    assert _LIBC is not None
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _held(database: Database, job_id: int, token: str) -> Job:
    """Returns a job under this claim, or one that has just ended. Raises `Conflict`."""
    with database.read() as session:
        job = session.get(Job, job_id)
    if job is None or job.claim_token not in (token, None):
        raise Conflict(
            f"Job {job_id} was taken over by another worker, which goes on from its last "
            "checkpoint: this one was silent for longer than its lease (--lease-s), as when a "
            "computer sleeps. Its process here is ended; nothing has to be done."
        )
    return job


def _wait(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _end(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Asks the child to end, and kills it when it has not within `grace_s`."""
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
        metavar="PID",
        type=int,
        help="end when PID, the process that started this worker, is gone",
    )
    arguments = parser.parse_args()
    settings = load_settings()
    logs.set_up(settings.log_level, dated=True)
    worker = Worker(settings, parent=arguments.exit_with_parent)
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    worker.work()
    return 0


if __name__ == "__main__":
    sys.exit(main())
