"""A full disk pauses a training: it is never failed for that, and goes on when there is room."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fresh_database import fresh_database
from training_world import (
    Programs,
    encoder,
    fill_with_preferences,
    finished,
    job,
    order,
    wait_until,
)

from db.models import Job, JobKind, JobStatus
from db.registry import jobs
from db.storage.errors import DiskFull
from db.storage.session import Database
from ptrapp.core import disk
from ptrapp.core.settings import Settings
from training import run, worker
from training.jobs import atomic_write, room
from training.jobs.claim import Exit
from training.jobs.room import RoomWatch
from training.recipes import dpo
from training.worker import Worker

LONG = {"epochs": 40, "batch_size": 8, "save_steps": 10, "seed": 5}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own with 48 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.worker
@pytest.mark.timeout(300)
def test_a_training_on_a_full_disk_goes_on_by_itself_when_there_is_room(
    small_disk: Path, random_model_dir: Path
) -> None:
    database = fresh_database(small_disk)
    with database.write() as session:
        fill_with_preferences(session, 16, encoder(random_model_dir))
    programs = Programs(database, small_disk, random_model_dir)
    job_id = order(database, JobKind.DPO, LONG)
    process = programs.start_worker()
    wait_until(lambda: job(database, job_id).step >= 10, "a checkpoint")
    child = wait_until(lambda: programs.child_of(process), "the training process")
    ballast = small_disk / "ballast"
    fill(ballast)
    wait_until(lambda: not Path(f"/proc/{child}/exe").exists(), "the end of the process")
    log = small_disk / "jobs" / str(job_id) / "log.txt"
    assert job(database, job_id).status is not JobStatus.FAILED, log.read_text(encoding="utf-8")
    ballast.unlink()

    done = finished(database, job_id)
    assert done.status is JobStatus.DONE, done.error
    assert {"level": "warning", "text": room.NOTE} in done.notes
    programs.close()
    database.dispose()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for n_bytes in (1 << 20, 1 << 10, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * n_bytes)


@pytest.fixture
def claimed(database: Database) -> Job:
    with database.write() as session:
        jobs.enqueue(session, JobKind.DPO, {}, "dpo:base")
        found = jobs.claim(session, 15.0)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        DiskFull("The disk of thrice.db is full."),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_training_that_finds_no_room_stores_no_failure(
    database: Database,
    claimed: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    def recipe(*_: object) -> None:
        raise failure

    monkeypatch.setattr(dpo, "run", recipe)
    settings = Settings(data_dir=tmp_path, device="cpu")
    assert claimed.claim_token
    assert run._run_job(database, settings, claimed.id, claimed.claim_token) is Exit.DISK_FULL
    assert job(database, claimed.id).status is JobStatus.RUNNING, "the worker puts it back"


def test_a_disk_seen_to_be_full_explains_an_error_without_a_reason(
    database: Database, claimed: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recipe(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr(dpo, "run", recipe)
    settings = Settings(data_dir=tmp_path, device="cpu")
    assert claimed.claim_token
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    assert run._run_job(database, settings, claimed.id, claimed.claim_token) is Exit.DISK_FULL
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1 << 40)
    assert run._run_job(database, settings, claimed.id, claimed.claim_token) is Exit.FAILED


def test_a_job_without_room_waits_in_the_queue_until_somebody_made_some(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [1000]
    monkeypatch.setattr(disk, "free_bytes", lambda _: free[0])
    with database.write() as session:
        job_id = jobs.enqueue(session, JobKind.DPO, {}, "dpo:base").id
    at_work = Worker(Settings(data_dir=tmp_path, database_url=database.url))
    starts: list[int] = []

    def no_room(_settings: Settings, started: int, _token: str) -> None:
        starts.append(started)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker, "_start", no_room)
    for _ in range(3):
        at_work._drain(database)
    row = job(database, job_id)
    assert (row.status, row.n_claims, row.phase) == (JobStatus.QUEUED, 0, room.PAUSED)
    assert [note["text"] for note in row.notes] == [room.NOTE]
    assert starts == [job_id], "without more room it is not tried again"

    free[0] += room.MORE_BYTES
    at_work._drain(database)
    assert starts == [job_id, job_id]


def test_without_more_room_it_is_tried_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = RoomWatch(tmp_path)
    assert not watch.is_lacking()
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1000)
    watch.pause(1, "token")
    assert watch.is_lacking()
    monkeypatch.setattr(room, "FIRST_RETRY_S", -1.0)
    watch = RoomWatch(tmp_path)
    watch.pause(1, "token")
    assert not watch.is_lacking()


def test_a_write_that_found_no_room_leaves_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write.write(tmp_path / "weights", b"1234")
    assert not list(tmp_path.iterdir())
