"""The comparison with TRL on small sizes: it runs end to end; both trainers compute the same."""

import json
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

pytestmark = pytest.mark.worker
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


@pytest.fixture
def measure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Any]]:
    """The command as `python -m` runs it, in this process: all its runs share one fork server."""
    before = dict(os.environ)

    def run(*flags: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["bench.training", "--tiny", *flags])
        runpy.run_module("bench.training", run_name="__main__")
        return json.loads(capsys.readouterr().out.strip().splitlines()[-1])

    yield run
    os.environ.clear()
    os.environ.update(before)


def test_both_trainers_take_turns_and_agree(measure: Callable[..., Any]) -> None:
    report = measure()
    for name in RATIOS:
        assert report[name] > 0  # how much is a matter of the machine
        if "memory" not in name:
            assert {"ours", "trl"} == report["settings"][name].keys()
    assert report["loss_max_abs_diff"] <= 1e-8
    assert report["grad_max_rel_diff"] <= 1e-6


def test_growth_is_measured_and_drawn(measure: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "growth.png"
    sizes = ["--pairs", "16,24", "--contexts", "32,64", "--most-of-trl", "16"]
    grown = measure("--growth", str(picture), *sizes)["growth"]
    assert [len(grown["pairs"]), len(grown["context"])] == [3, 4]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_memory_of_budgets_is_measured_and_what_was_chosen_is_said(
    measure: Callable[..., Any],
) -> None:
    report = measure("--memory", "--turns", "1", "--budgets", "null,64", "--within", "0.01")

    assert "times as fast as float32" in report["precision"]
    for kind in ("dpo", "sft"):
        chosen = report[kind]["null"]["chosen"]
        assert 64 <= chosen["token_budget"] <= 1024
        assert "0.0 GB are free" in chosen["about"]
        for side in report[kind].values():
            assert side["tokens_per_cpu_s"] > 0
            assert side["peak_extra_mb"] > 0
