"""Whole jobs: a real worker, a real training process, a tiny model; and what a kill does to them."""

import hashlib
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fresh_database import fresh_database
from sqlalchemy import select
from training_world import (
    Programs,
    adapter_of,
    encoder,
    fill_with_preferences,
    fill_with_refinements,
    finished,
    job,
    order,
    wait_until,
)

from db.models import AdapterStatus, JobKind, JobStatus, Worker
from db.registry import curves as job_curves
from db.registry import jobs
from db.storage.session import Database
from ptrapp.core.errors import TrainingError
from ptrapp.core.settings import Settings
from training.jobs.claim import Claim
from training.jobs.payload import Filters, Payload
from training.policy.lineage import refuse_repetition
from training.run import NICENESS

pytestmark = [pytest.mark.worker, pytest.mark.timeout(300)]
N_PAIRS = 16
LONG = {"epochs": 40, "batch_size": 8, "save_steps": 10, "seed": 5}
"""Eighty steps: short, and long enough to be killed in between."""


@dataclass(frozen=True)
class TrainedFolder:
    """A data folder with votes, a worker on it, and the job that ran undisturbed."""

    database: Database
    programs: Programs
    model: Path
    encode: Callable[[str], list[int]]
    first_job: int

    def folder(self, job_id: int) -> Path:
        return self.programs.data / "jobs" / str(job_id)


@pytest.fixture(scope="module")
def encode(random_model_dir: Path) -> Callable[[str], list[int]]:
    return encoder(random_model_dir)


def folder_with_votes(folder: Path, encode: Callable[[str], list[int]]) -> Database:
    """The same votes, wherever they are made: the same data give the same version."""
    database = fresh_database(folder)
    with database.write() as session:
        fill_with_preferences(session, N_PAIRS, encode)
    return database


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    random_model_dir: Path,
    encode: Callable[[str], list[int]],
) -> Iterator[TrainedFolder]:
    folder = tmp_path_factory.mktemp("school")
    database = folder_with_votes(folder, encode)
    programs = Programs(database, folder, random_model_dir)
    first_job = order(database, JobKind.DPO, LONG)
    programs.start_worker()
    yield TrainedFolder(database, programs, random_model_dir, encode, first_job)
    programs.close()
    database.dispose()


@pytest.fixture
def elsewhere(
    tmp_path: Path, random_model_dir: Path, encode: Callable[[str], list[int]]
) -> Iterator[tuple[Database, Programs]]:
    """The same votes in another data folder, without a worker yet."""
    database = folder_with_votes(tmp_path, encode)
    programs = Programs(database, tmp_path, random_model_dir)
    yield database, programs
    programs.close()
    database.dispose()


def weights(adapter: Any) -> str:
    content = (Path(adapter.path) / "adapter_model.safetensors").read_bytes()
    return hashlib.sha256(content).hexdigest()


def curves(database: Database, job_id: int) -> dict[str, list[tuple[int, float]]]:
    with database.read() as session:
        return job_curves.of_job(session, job_id)


def test_a_killed_training_ends_with_the_very_weights_of_an_undisturbed_one(
    trained: TrainedFolder, elsewhere: tuple[Database, Programs]
) -> None:
    """First the training process is killed at a checkpoint, then its successor with its worker."""
    database, programs = elsewhere
    job_id = order(database, JobKind.DPO, LONG)
    checkpoints = programs.data / "jobs" / str(job_id) / "checkpoints"
    worker = programs.start_worker()
    wait_until((checkpoints / "checkpoint-10" / "whole").exists, "the first checkpoint")
    first_child = programs.child_of(worker)
    assert first_child is not None
    assert os.getpriority(os.PRIO_PROCESS, first_child) >= NICENESS, "votes go before it"
    os.kill(first_child, signal.SIGKILL)
    wait_until(lambda: programs.child_of(worker) not in (None, first_child), "a second process")
    wait_until((checkpoints / "checkpoint-40" / "whole").exists, "a later checkpoint")
    second_child = programs.child_of(worker)
    assert job(database, job_id).status is JobStatus.RUNNING
    worker.kill()
    wait_until(lambda: not Path(f"/proc/{second_child}/exe").exists(), "the orphan's end", 5)
    programs.start_worker()

    assert finished(database, job_id).status is JobStatus.DONE
    assert finished(trained.database, trained.first_job).status is JobStatus.DONE
    disturbed = adapter_of(database, job_id)
    undisturbed = adapter_of(trained.database, trained.first_job)
    assert weights(disturbed) == weights(undisturbed) == disturbed.sha256
    assert curves(database, job_id)["loss"] == curves(trained.database, trained.first_job)["loss"]
    assert job(database, job_id).n_claims == 3


def test_votes_become_a_version_that_plain_peft_loads(trained: TrainedFolder) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    row = finished(trained.database, trained.first_job)
    assert (row.status, row.error) == (JobStatus.DONE, None)
    made = adapter_of(trained.database, trained.first_job)

    assert (made.name, made.status) == ("dpo-000001", AdapterStatus.READY)
    assert {file.name for file in Path(made.path).iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "thrice.json",
        "README.md",
    }
    base = AutoModelForCausalLM.from_pretrained(trained.model)
    tuned = PeftModel.from_pretrained(base, made.path)
    assert any(weight.abs().max() > 0 for n, weight in tuned.named_parameters() if "lora_B" in n)


def test_the_manifest_leads_back_to_the_frozen_votes(trained: TrainedFolder) -> None:
    finished(trained.database, trained.first_job)
    made = adapter_of(trained.database, trained.first_job)

    frozen = (trained.folder(trained.first_job) / "snapshot.jsonl").read_bytes()
    manifest = json.loads((Path(made.path) / "thrice.json").read_bytes())
    assert manifest["snapshot_sha256"] == hashlib.sha256(frozen).hexdigest()
    assert manifest["snapshot"]["highest_vote_id"] == N_PAIRS
    assert manifest["settings"]["learning_rate"] == 1e-3
    assert len(frozen.splitlines()) == made.metrics["n_pairs"] == N_PAIRS


def test_every_step_is_a_point_of_every_curve_and_the_first_loss_is_ln_2(
    trained: TrainedFolder,
) -> None:
    row = finished(trained.database, trained.first_job)
    found = curves(trained.database, trained.first_job)

    assert {
        "loss",
        "rewards/chosen",
        "rewards/rejected",
        "rewards/margins",
        "rewards/accuracies",
        "logps/chosen",
        "logps/rejected",
        "grad_norm",
        "learning_rate",
        "tokens/s",
    } <= found.keys()
    assert [step for step, _ in found["loss"]] == list(range(1, row.n_steps + 1))
    assert found["loss"][0][1] == pytest.approx(math.log(2), abs=1e-4)
    assert found["loss"][-1][1] < 0.5
    assert found["rewards/accuracies"][-1][1] == 1.0


@dataclass(frozen=True)
class Later:
    """Jobs queued behind the first one, in this order."""

    empty: int
    second: int
    imitation: int


@pytest.fixture(scope="module")
def later(trained: TrainedFolder) -> Later:
    finished(trained.database, trained.first_job)
    parent = adapter_of(trained.database, trained.first_job)
    with trained.database.write() as session:
        fill_with_preferences(session, 4, trained.encode, first=N_PAIRS)
        fill_with_refinements(session, 6)
    nowhere = {"runs": [10**6]}
    return Later(
        order(trained.database, JobKind.DPO, {}, filters=nowhere),
        order(trained.database, JobKind.DPO, {"epochs": 2}, parent_id=parent.id),
        order(trained.database, JobKind.MASK_SFT, {"epochs": 2, "batch_size": 4}),
    )


def test_a_job_without_data_fails_with_a_sentence_and_the_queue_goes_on(
    trained: TrainedFolder, later: Later
) -> None:
    row = finished(trained.database, later.empty)

    assert row.status is JobStatus.FAILED
    assert row.error == (
        "No pair is left to learn from. Left out: 20 × of a run that was not asked for."
    )
    assert finished(trained.database, later.second).status is JobStatus.DONE


def test_a_second_iteration_learns_only_new_votes_with_its_parent_as_reference(
    trained: TrainedFolder, later: Later
) -> None:
    assert finished(trained.database, later.second).status is JobStatus.DONE
    parent = adapter_of(trained.database, trained.first_job)
    made = adapter_of(trained.database, later.second)

    manifest = json.loads((Path(made.path) / "thrice.json").read_bytes())
    assert made.parent_id == parent.id
    assert manifest["parent"] == parent.name
    assert manifest["snapshot"]["counts"] == {"pair": 4}
    assert manifest["snapshot"]["after_vote_id"] == N_PAIRS
    found = curves(trained.database, later.second)
    assert found["loss"][0][1] == pytest.approx(math.log(2), abs=1e-4)
    before = curves(trained.database, trained.first_job)
    gap, gap_of_base = (
        curve["logps/chosen"][0][1] - curve["logps/rejected"][0][1] for curve in (found, before)
    )
    assert gap > gap_of_base + 2  # the parent's own preference, not the base's, is the start


def test_refinements_become_a_version(trained: TrainedFolder, later: Later) -> None:
    row = finished(trained.database, later.imitation)
    assert (row.status, row.error) == (JobStatus.DONE, None)

    made = adapter_of(trained.database, later.imitation)
    assert made.metrics["counts"] == {"refined": 6, "replay": 3}
    losses = [value for _, value in curves(trained.database, later.imitation)["loss"]]
    assert losses[-1] < losses[0]


def test_a_cancelled_job_ends_within_two_seconds_and_keeps_its_checkpoint(
    trained: TrainedFolder, later: Later
) -> None:
    finished(trained.database, later.imitation)
    endless = order(trained.database, JobKind.DPO, LONG | {"epochs": 100, "seed": 6, "beta": 0.2})
    checkpoint = trained.folder(endless) / "checkpoints" / "checkpoint-10" / "whole"
    wait_until(checkpoint.exists, "the first checkpoint")

    asked = time.monotonic()
    with trained.database.write() as session:
        jobs.request_cancel(session, endless)
    row = finished(trained.database, endless)

    assert row.status is JobStatus.CANCELLED
    assert time.monotonic() - asked < 2
    assert any(checkpoint.parent.parent.glob("checkpoint-*/whole"))
    assert not (trained.programs.data / "adapters" / f"dpo-{endless:06d}").exists()


def test_the_same_data_with_the_same_settings_are_not_trained_twice(trained: TrainedFolder) -> None:
    finished(trained.database, trained.first_job)
    made = adapter_of(trained.database, trained.first_job)
    frozen = (trained.folder(trained.first_job) / "snapshot.jsonl").read_bytes()
    sha256 = hashlib.sha256(frozen).hexdigest()
    payload = Payload(None, LONG, Filters())
    repeat = Claim(trained.database, Settings(), 99, "token", JobKind.DPO, payload)

    with pytest.raises(TrainingError, match="dpo-000001 was trained from the same version"):
        refuse_repetition(repeat, None, sha256)
    refuse_repetition(replace(repeat, payload=Payload()), None, sha256)
    refuse_repetition(repeat, made, sha256)


@pytest.mark.parametrize("is_loaded", [True, False])
def test_a_worker_does_not_outlive_the_program_it_belongs_to(
    elsewhere: tuple[Database, Programs], is_loaded: bool
) -> None:
    """Also where the program is gone before its worker has loaded what asks for it."""
    database, programs = elsewhere
    app, worker_id = programs.start_app_with_worker()
    if is_loaded:
        wait_until(lambda: has_worker(database, worker_id), "the worker at work")
    assert Path(f"/proc/{worker_id}/exe").exists()

    app.kill()

    wait_until(lambda: not Path(f"/proc/{worker_id}/exe").exists(), "the worker's end")


def has_worker(database: Database, pid: int) -> bool:
    """Whether a worker of this process id has said that it is alive."""
    with database.read() as session:
        return session.scalar(select(Worker.pid).where(Worker.pid == pid)) is not None


def test_an_ended_worker_puts_its_job_back_at_once(
    elsewhere: tuple[Database, Programs],
) -> None:
    database, programs = elsewhere
    job_id = order(database, JobKind.DPO, LONG)
    worker = programs.start_worker()
    child = wait_until(lambda: programs.child_of(worker), "the training process")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(5) == 0
    row = job(database, job_id)
    assert (row.status, row.n_claims, row.claim_token) == (JobStatus.QUEUED, 0, None)
    assert not Path(f"/proc/{child}/exe").exists()


def test_a_training_killed_at_any_step_ends_as_if_nothing_had_happened(
    tmp_path: Path, random_model_dir: Path, encode: Callable[[str], list[int]]
) -> None:
    """Before the first checkpoint, between two, and again; held-out metrics included."""
    settings = {
        "epochs": 8,
        "batch_size": 8,
        "save_steps": 7,
        "seed": 5,
        "patience": 4,
        "eval_share": 0.4,
    }

    def trained(folder: Path, *kills: int) -> tuple[Database, int]:
        database = fresh_database(folder)
        with database.write() as session:
            fill_with_preferences(session, 60, encode)
        programs = Programs(database, folder, random_model_dir)
        job_id = order(database, JobKind.DPO, settings)
        worker = programs.start_worker()
        killed = None
        for step in kills:
            wait_until(lambda at=step: job(database, job_id).step >= at, f"step {step}")
            child = wait_until(lambda: programs.child_of(worker), "the training process")
            assert child != killed
            os.kill(child, signal.SIGKILL)
            killed = child
            wait_until(lambda was=killed: programs.child_of(worker) not in (None, was), "another")
        assert finished(database, job_id).status is JobStatus.DONE
        assert job(database, job_id).n_claims == len(kills) + 1
        programs.close()
        return database, job_id

    undisturbed, job_id = trained(tmp_path / "calm")
    killed_thrice, _ = trained(tmp_path / "stormy", 2, 9, 30)

    one, other = adapter_of(undisturbed, job_id), adapter_of(killed_thrice, job_id)
    assert weights(one) == weights(other)
    assert curves(undisturbed, job_id)["eval_loss"] == curves(killed_thrice, job_id)["eval_loss"]
    assert len(curves(undisturbed, job_id)["eval_loss"]) > 3

    assert one.metrics["eval_loss"] == other.metrics["eval_loss"]
