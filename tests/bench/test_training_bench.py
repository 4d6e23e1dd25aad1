"""The comparison with TRL in small: it runs end to end, and both trainers compute the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl")

ROOT = Path(__file__).resolve().parents[2]
RATIOS = (
    "dpo_ratio_same_batch",
    "dpo_ratio_best",
    "dpo_ratio_best_without_metrics",
    "dpo_ratio_3_epochs",
    "dpo_memory_ratio_same_batch",
    "dpo_memory_ratio_best",
    "dpo_ratio_best_small_vocab",
    "sft_ratio_best",
    "sft_memory_ratio_best",
    "k4_ratio",
)


def test_both_trainers_take_turns_and_agree() -> None:
    command = [sys.executable, "-m", "bench.training", "--tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.strip().splitlines()[-1])
    for name in RATIOS:
        assert report[name] > 0  # how much is a matter of the machine
        if "memory" not in name:
            assert {"ours", "trl"} == report["settings"][name].keys()
    assert report["loss_max_abs_diff"] <= 1e-8
    assert report["grad_max_rel_diff"] <= 1e-6


def test_growth_is_measured_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "growth.png"
    flags = ["--growth", str(picture), "--pairs", "16,32", "--contexts", "32,64"]
    command = [sys.executable, "-m", "bench.training", "--tiny", "--most-of-trl", "16", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)

    assert done.returncode == 0, done.stderr
    grown = json.loads(done.stdout.strip().splitlines()[-1])["growth"]
    assert [len(grown["pairs"]), len(grown["context"])] == [3, 4]
    assert picture.read_bytes().startswith(b"\x89PNG")
