"""A TPO iteration by a real worker and the bundled model, killed with SIGKILL while it samples."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_world import Programs, adapter_of, finished, job, order, wait_until

from db.content import samples
from db.models import JobKind, JobStatus, Run, RunState
from db.storage.session import Database
from ptrapp.core.settings import BUNDLED_MODEL

pytestmark = [pytest.mark.worker, pytest.mark.timeout(240)]
SETTINGS = {
    "prompts": "generated",
    "n_prompts": 12,
    "k": 4,
    "n_selection": 4,
    "max_tokens": 100,
    "epochs": 1,
}


@pytest.fixture
def programs(database: Database, tmp_path: Path) -> Iterator[Programs]:
    started = Programs(database, tmp_path, BUNDLED_MODEL)
    yield started
    started.close()


def test_a_killed_iteration_goes_on_with_what_it_had_sampled(
    database: Database, programs: Programs
) -> None:
    job_id = order(database, JobKind.TPO, SETTINGS)
    worker = programs.start_worker()

    def sampled() -> dict[int, list[int]]:
        with database.read() as session:
            runs = samples.runs_of_job(session, job_id)
            return {
                run.id: [r.id for r in run.rounds] for run in runs if run.state is RunState.DONE
            }

    before = wait_until(sampled, "a sampled prompt")
    child = programs.child_of(worker)
    assert child is not None
    os.kill(child, signal.SIGKILL)

    ended = finished(database, job_id)
    after = sampled()
    assert (ended.status, ended.error) == (JobStatus.DONE, None)
    assert job(database, job_id).n_claims == 2
    assert {run_id: after[run_id] for run_id in before} == before
    assert [len(rounds) for rounds in after.values()] == [4] * 12
    assert adapter_of(database, job_id).name == f"tpo-{job_id:06d}"
    with database.read() as session:
        assert session.query(Run).count() == 12
