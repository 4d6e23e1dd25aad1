"""bench.papers runs the product's own jobs to the end and prints what they found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.papers import as_markdown, summary

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_a_small_run_prints_every_line_by_round() -> None:
    sizes = ["--seeds", "1", "--methods", "ptr", "--n", "8", "--queries", "8"]
    ended = subprocess.run(
        [sys.executable, "-m", "bench.papers", *sizes],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["args"]["queries"] == 8
    assert {len(line) for line in told["ptr"].values()} == {3}
    for kind in ("generated", "held_out"):
        for line in ("base", "tuned", "tuned, swapped", "plain SFT, no attempts"):
            assert f"{kind}: {line}" in told["ptr"]


def test_figures_are_mean_and_deviation_over_seeds() -> None:
    tables = [{"base": [40.0, None]}, {"base": [50.0, None]}]
    assert summary(tables) == {"base": ["45.0 ± 7.1", ""]}
    assert summary(tables[:1]) == {"base": ["40.0", ""]}
    assert as_markdown({"a": ["1.0", "2.0"], "b": ["3.0"]}).splitlines() == [
        "| | 1 | 2 |",
        "|---|---|---|",
        "| a | 1.0 | 2.0 |",
        "| b | 3.0 |  |",
    ]
