"""A job that was taken over or has ended: what its worker and its process say, and to whom."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from db.models import Job, JobKind
from db.registry import jobs
from db.storage.errors import Conflict
from db.storage.session import Database
from ptrapp.core.settings import Settings
from training.jobs.claim import Exit
from training.run import _fail
from training.worker import Worker


@pytest.fixture
def held(database: Database) -> tuple[int, str]:
    with database.write() as session:
        jobs.enqueue(session, JobKind.EVALUATE, {}, "evaluate")
        job = jobs.claim(session, -1.0)  # its lease has run out: another worker may claim it
    assert job is not None
    return job.id, str(job.claim_token)


class EndsMeanwhile:
    """A database on which the job's process ends the job between a worker's look and its write."""

    def __init__(self, database: Database, held: tuple[int, str]) -> None:
        self._database, self._held = database, held
        self.read = database.read

    @contextmanager
    def write(self) -> Iterator[Any]:
        with self._database.write() as session:
            jobs.finish(session, *self._held)
        with self._database.write() as session:
            yield session


def test_a_job_that_ends_while_its_lease_is_renewed_was_not_lost(
    database: Database, held: tuple[int, str], tmp_path: Path
) -> None:
    worker, meanwhile = Worker(Settings(data_dir=tmp_path)), EndsMeanwhile(database, held)
    assert worker._check_job(meanwhile, *held, renew=True) is False  # type: ignore[arg-type]


def test_a_job_that_was_taken_over_is_said_to_go_on(
    database: Database,
    held: tuple[int, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with database.write() as session:
        again = jobs.claim(session, 60.0)
        assert again is not None
        other = again.claim_token
    with pytest.raises(Conflict, match=r"silent for longer than its lease .* nothing has to be"):
        Worker(Settings(data_dir=tmp_path))._check_job(database, *held, renew=True)
    with database.write() as session, pytest.raises(Conflict) as lost:
        jobs.progress(session, *held, phase="training")
    with caplog.at_level(logging.INFO):
        assert _fail(database, *held, str(lost.value)) is Exit.FENCED
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("WARNING", str(lost.value))
    ], "said once, and not as an error"
    with database.read() as session:
        assert session.get_one(Job, held[0]).claim_token == other
