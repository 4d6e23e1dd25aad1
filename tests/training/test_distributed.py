"""Two processes on CPUs (gloo) train what one does: as whole jobs, and with a sharded model."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fresh_database import fresh_database
from safetensors.torch import load_file
from sharded_step import take_step
from training_world import (
    ROOT,
    Programs,
    adapter_of,
    encoder,
    fill_with_preferences,
    finished,
    order,
)

from db.models import JobKind, JobStatus
from db.storage.session import Database
from training.policy.weights import FILE

pytestmark = [pytest.mark.worker, pytest.mark.timeout(180)]
LAUNCHER = "torchrun --nproc_per_node 2"
SETTINGS = {
    "epochs": 3,
    "batch_size": 8,
    "save_steps": 3,
    "seed": 5,
    "token_budget": 256,
    "eval_share": 0.4,
}


def trained(folder: Path, model: Path, **environment: str) -> tuple[Database, int]:
    """Runs one DPO job on sixty pairs, some of them held out; returns its id."""
    database = fresh_database(folder)
    with database.write() as session:
        fill_with_preferences(session, 60, encoder(model))
    programs = Programs(database, folder, model, OMP_NUM_THREADS="1", **environment)
    job_id = order(database, JobKind.DPO, SETTINGS)
    programs.start_worker()
    try:
        finished(database, job_id)
    finally:
        programs.close()
    return database, job_id


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path, random_model_dir: Path) -> None:
    alone, job_id = trained(tmp_path / "alone", random_model_dir)
    together, _ = trained(tmp_path / "together", random_model_dir, THRICE_TRAIN_LAUNCHER=LAUNCHER)

    one, two = adapter_of(alone, job_id), adapter_of(together, job_id)
    assert one.metrics["n_held_out"] == two.metrics["n_held_out"] > 0
    assert one.metrics["eval_loss"] == pytest.approx(two.metrics["eval_loss"], abs=1e-5)
    assert one.metrics["loss"] == pytest.approx(two.metrics["loss"], abs=1e-5)
    first, second = (load_file(Path(row.path) / "adapter_model.safetensors") for row in (one, two))
    assert first.keys() == second.keys()
    moved = max(weight.abs().max().item() for name, weight in first.items() if "lora_B" in name)
    apart = max((first[name] - second[name]).abs().max().item() for name in first)
    assert moved > 1e-3
    assert apart < 1e-3 * moved


def test_a_launcher_that_is_not_there_is_named_on_the_job(
    tmp_path: Path, random_model_dir: Path
) -> None:
    database = fresh_database(tmp_path)
    programs = Programs(database, tmp_path, random_model_dir, THRICE_TRAIN_LAUNCHER="acelerate run")
    job_id = order(database, JobKind.DPO, {})
    programs.start_worker()

    row = finished(database, job_id)
    programs.close()

    assert row.status is JobStatus.FAILED
    assert "could not be started" in (row.error or "")
    assert "acelerate" in (row.error or "")


def test_a_sharded_model_takes_the_same_step(tmp_path: Path, random_model_dir: Path) -> None:
    take_step(str(random_model_dir), tmp_path / "alone", sharded=False)
    script = str(Path(__file__).with_name("sharded_step.py"))
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", script]
    subprocess.run(
        [*start, str(random_model_dir), str(tmp_path / "sharded"), "--sharded"],
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )

    alone, sharded = (load_file(tmp_path / out / FILE) for out in ("alone", "sharded"))
    assert alone.keys() == sharded.keys()
    for name, weight in alone.items():
        assert torch.allclose(weight, sharded[name], atol=1e-6), name
    again = load_file(tmp_path / "sharded" / "again" / FILE)
    assert all(torch.equal(again[name], weight) for name, weight in sharded.items())
