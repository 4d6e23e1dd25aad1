import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.engine.real import on_real

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.worker
def test_the_bench_for_a_gpu_runs_on_a_cpu_with_tiny_sizes() -> None:
    command = [sys.executable, "-m", "bench.engine", "--cuda", "--device", "cpu", "--tiny"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])["cuda"]
    for rows in ("1", "3"):
        measured = found["tiny"][rows]
        assert all(measured[f"{side}_step_s"] > 0 for side in ("graphs", "own_forward"))
        assert measured["generate_tok_per_s"] > 0
        assert measured["share_of_bandwidth"] > 0
    assert not found["left_out"]


def test_a_real_model_is_measured_beside_its_own_forward(random_model_dir: Path) -> None:
    found = on_real(str(random_model_dir), "float32", 1, 1, rows=(1, 3), n_read=64)
    assert found["kl"] < 1e-5
    assert all(found[f"real_{key}_ratio"] > 0 for key in ("1", "3", "prompt"))
