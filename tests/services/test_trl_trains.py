"""TRL's own trainer learns from our export, read as anybody would read it."""

from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from stored_votes import context, sample, vote

from db.models import Outcome
from db.storage.session import Database
from ptrapp.core.settings import BUNDLED_MODEL
from ptrapp.services.files import exporting
from ptrapp.services.files.exporting import ExportRequest

trl = pytest.importorskip("trl")


@pytest.mark.training
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_dpo_trainer_takes_two_steps_on_exported_preferences(
    database: Database, tmp_path: Path, kind: str
) -> None:
    with database.write() as session:
        for n in range(4):
            more: dict[str, Any] = {"system": "Be brief."} if n % 2 else {}
            better, worse = sample(
                session, f"What is {n} + 1?", f"It is {n + 1}.", "It is 0.", **more
            )
            vote(session, "ann", better, worse, Outcome.LEFT, strength=1 + n % 3)
    file = tmp_path / f"preferences.{kind}"
    exporting.write(context(database, tmp_path), ExportRequest(), file)
    rows = load_dataset(
        {"jsonl": "json"}.get(kind, kind),
        data_files=str(file),
        split="train",
        cache_dir=str(tmp_path),
    )
    trainer = trl.DPOTrainer(
        str(BUNDLED_MODEL),
        args=trl.DPOConfig(
            str(tmp_path / "trained"),
            max_steps=2,
            per_device_train_batch_size=2,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,
            max_length=128,
            precompute_ref_log_probs=False,
        ),
        train_dataset=rows,
    )
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert losses[0] == pytest.approx(0.6931, abs=1e-3), (
        "the policy is its reference before it learns"
    )
    assert len(losses) == 2
