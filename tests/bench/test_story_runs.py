"""The story as a measurement, in small: it goes through the real queue, worker and engine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def story(*flags: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.story", "--n-problems", "16", "--n-eval", "24", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_preferences_become_a_version_that_is_evaluated() -> None:
    told = story("--pairs", "8")
    assert 1 <= told["n_pairs"] <= 8
    assert told["version"] == "dpo-000001"
    assert told["n_eval"] == 24
    figures = ("before_greedy", "after_greedy", "before_sampled", "after_sampled")
    assert all(0 <= told[name] <= 100 for name in figures)


def test_refinements_become_a_version_that_is_evaluated_by_round() -> None:
    told = story("--method", "ptr")
    assert told["version"] == "mask_sft-000001"
    rounds = ("base_r1", "base_r2", "tuned_r1", "tuned_r2", "tuned_r3", "swapped_r3")
    assert all(0 <= told[name] <= 100 for name in rounds)


@pytest.mark.parametrize("flag", ["--method=sft", "--n-eval=many"])
def test_a_wrong_flag_is_named(flag: str) -> None:
    command = [sys.executable, "-m", "bench.story", flag]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert flag.split("=")[0] in done.stderr
