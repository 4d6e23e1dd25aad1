"""Jobs and the artifact store: one that is down makes a job wait, and another machine goes on."""

from collections.abc import Callable, Iterator
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

from db.models import Adapter, JobKind, JobStatus
from db.registry import adapters
from db.registry.contents import Content
from db.storage.session import Database
from ptrapp.artifacts import rows
from ptrapp.core.settings import Settings
from training.jobs.patience import WAITING

pytestmark = [pytest.mark.worker, pytest.mark.timeout(400)]
SHORT = {"epochs": 2, "batch_size": 8, "seed": 5, "save_steps": 1}
LONG = SHORT | {"epochs": 60}
Machine = Callable[[str], Programs]


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Database]:
    database = fresh_database(tmp_path)
    yield database
    database.dispose()


@pytest.fixture
def machine(shared: Database, tmp_path: Path, random_model_dir: Path) -> Iterator[Machine]:
    """Machines with a data folder each, one database and one store."""
    opened = []

    def open_(name: str) -> Programs:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        url = f"file://{tmp_path}/store"
        opened.append(Programs(shared, folder, random_model_dir, THRICE_ARTIFACTS=url))
        return opened[-1]

    yield open_
    for programs in opened:
        programs.close()


def notes(database: Database, job_id: int) -> list[str]:
    return [note["text"] for note in job(database, job_id).notes]


def settings_of(tmp_path: Path, name: str) -> Settings:
    return Settings(data_dir=tmp_path / name, artifacts=f"file://{tmp_path}/store")


def test_a_job_waits_for_the_store_and_goes_on_from_its_checkpoint(
    shared: Database, machine: Machine, tmp_path: Path, random_model_dir: Path
) -> None:
    with shared.write() as session:
        fill_with_preferences(session, 16, encoder(random_model_dir))
    (tmp_path / "store").write_text("in the way", encoding="utf-8")
    one = machine("one")
    job_id = order(shared, JobKind.DPO, SHORT)
    worker = one.start_worker()
    wait_until(lambda: job(shared, job_id).phase == WAITING, "a wait")
    assert job(shared, job_id).status is JobStatus.RUNNING
    said = wait_until(lambda: [one for one in notes(shared, job_id) if "waits" in one], "a note")
    assert "the artifact store cannot be used now" in said[0]
    assert str(tmp_path) not in said[0]

    worker.kill()
    worker.wait()
    (tmp_path / "store").unlink()
    one.start_worker()
    done = finished(shared, job_id, 240)
    assert done.status is JobStatus.DONE, done.error
    log = (tmp_path / "one" / "jobs" / str(job_id) / "log.txt").read_text(encoding="utf-8")
    assert "Traceback" not in log
    with shared.read() as session:
        (version,) = session.query(Adapter).all()
        frozen = adapters.snapshot_of(session, job_id)
    assert frozen is not None
    assert rows.find_version(settings_of(tmp_path, "two"), version) == (Content.WHOLE, "")
    assert rows.is_kept(settings_of(tmp_path, "two"), frozen)


def test_a_job_is_taken_over_by_another_machine_with_the_same_frozen_data(
    shared: Database, machine: Machine, tmp_path: Path, random_model_dir: Path
) -> None:
    encode = encoder(random_model_dir)
    with shared.write() as session:
        fill_with_preferences(session, 16, encode)
    job_id = order(shared, JobKind.DPO, LONG)
    worker = machine("one").start_worker()
    wait_until(lambda: job(shared, job_id).step >= 2, "a step")
    worker.kill()
    worker.wait()
    with shared.write() as session:  # gathered again, the data would be other data
        fill_with_preferences(session, 4, encode, first=16)

    machine("two").start_worker()
    folder = tmp_path / "two" / "jobs" / str(job_id) / "checkpoints"
    wait_until(lambda: [*folder.glob("*")] or job(shared, job_id).error, "a checkpoint there")
    taken = job(shared, job_id)
    assert (taken.status, taken.n_claims) == (JobStatus.RUNNING, 2), taken.error
    files = [
        (tmp_path / name / "jobs" / str(job_id) / "snapshot.jsonl").read_bytes()
        for name in ("one", "two")
    ]
    assert files[0] == files[1]


def test_a_version_is_trained_further_on_another_machine(
    shared: Database, machine: Machine, tmp_path: Path, random_model_dir: Path
) -> None:
    encode = encoder(random_model_dir)
    parent_id = None
    for name, first in (("one", 0), ("two", 16)):
        with shared.write() as session:
            fill_with_preferences(session, 16, encode, first=first)
        job_id = order(shared, JobKind.DPO, SHORT, parent_id=parent_id)
        programs = machine(name)
        programs.start_worker()
        done = finished(shared, job_id, 240)
        programs.close()
        assert done.status is JobStatus.DONE, done.error
        with shared.read() as session:
            parent_id = session.query(Adapter).where(Adapter.job_id == job_id).one().id
    fetched = tmp_path / "two" / "adapters" / "dpo-000001" / "adapter_model.safetensors"
    trained = tmp_path / "one" / "adapters" / "dpo-000001" / "adapter_model.safetensors"
    assert fetched.read_bytes() == trained.read_bytes()


def test_a_store_that_nothing_opens_ends_a_job_before_its_work(
    shared: Database, tmp_path: Path, random_model_dir: Path
) -> None:
    job_id = order(shared, JobKind.DPO, SHORT)
    programs = Programs(
        shared, tmp_path / "one", random_model_dir, THRICE_ARTIFACTS="unknown://x/y"
    )
    programs.start_worker()
    failed = finished(shared, job_id)
    programs.close()
    assert failed.status is JobStatus.FAILED
    assert "Each kind of storage has a package of its own" in (failed.error or "")
