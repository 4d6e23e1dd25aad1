"""The script for a machine with a GPU, with tiny sizes on a CPU: it must work when it counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.worker, pytest.mark.timeout(400)]


def run(folder: Path, limit_s: int) -> dict[str, dict[str, object]]:
    """Runs the script; returns the JSON it printed last."""
    done = subprocess.run(
        ["bench/on_gpu.sh", str(folder), "--tiny"],
        cwd=ROOT,
        env=os.environ
        | {"PYTHON": sys.executable, "LIMIT_S": str(limit_s), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=380,
    )
    found: dict[str, dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_every_part_runs_and_says_what_it_measured(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    parts = run(tmp_path, 360)

    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    failed = {name: part for name, part in parts.items() if part["rc"] != "0"}
    assert not failed, log[-3000:]
    whole = json.loads((tmp_path / "on_gpu.json").read_text(encoding="utf-8"))
    for part, case in (("dpo_1b", "dpo_1b"), ("others", "dpo_135m"), ("others", "sft_1b")):
        sides = whole[part][case]["sides"]
        assert {"ours", "trl"} == {side["settings"]["side"] for side in sides.values()}
        assert all(side["tokens_per_s"] > 0 for side in sides.values()), sides
        assert whole[part][case]["ratio_best"] > 0
    assert whole["kernels"]["kernels"]["compiled"]["busy_s"] > 0
    assert "passed" in " ".join(whole["tests"]["said"])


def test_parts_that_find_no_time_are_named_and_the_json_is_there_all_the_same(
    tmp_path: Path,
) -> None:
    parts = run(tmp_path, 1)

    assert {part["rc"] for part in parts.values()} == {"no-time-left"}
    assert len(parts) == 6
