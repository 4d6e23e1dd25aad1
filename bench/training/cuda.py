"""The same comparison on one GPU: a Llama of a billion random weights, wall time, GPU memory."""

from dataclasses import asdict
from importlib.util import find_spec
from statistics import median
from typing import Any

import torch

from bench.training.compare import Measured, memory_ratio, speed_ratio, take_turns
from bench.training.data import PLAIN_TRL, Settings, Task, build_steps

PEAK = {"H100": 989e12, "H200": 989e12}
"""Dense bfloat16 operations a second by part of the device's name (NVIDIA's data sheets)."""
BILLION = Task(
    vocabulary=128_000,
    hidden=2048,
    intermediate=8192,
    layers=16,
    heads=32,
    kv_heads=8,
    prompt=(400, 200),
    completion=(300, 160),
    prompts_per_step=32,
    n_steps=7,
    device="cuda",
)
OURS: dict[str, Settings] = {
    f"ours, {budget}": {"side": "ours", "token_budget": budget, "reference": "precomputed"}
    for budget in (8192, 16384, 32768)
}
TRL: dict[str, Settings] = {f"trl, {batch}": {**PLAIN_TRL, "batch": batch} for batch in (4, 8, 16)}


def on_cuda(task: Task = BILLION) -> dict[str, Any]:
    """Measures each setting alone on the GPU; TRL's only where it is installed."""
    wanted = OURS | (TRL if find_spec("trl") else {})
    found = {name: take_turns(task, {name: each})[name] for name, each in wanted.items()}
    device = torch.cuda.get_device_name()
    report: dict[str, Any] = {
        "device": device,
        "task": asdict(task),
        "sides": {
            name: each.as_json() | _throughput(task, each, device) for name, each in found.items()
        },
    }
    best = max((found[name] for name in OURS), key=lambda each: each.rate)
    if theirs := [each for name, each in found.items() if name in TRL]:
        fastest = max(theirs, key=lambda each: each.rate)
        report["dpo_ratio_best"] = speed_ratio(best, fastest)
        report["dpo_memory_ratio_best"] = memory_ratio(best, fastest)
    return report


def _throughput(task: Task, measured: Measured, device: str) -> dict[str, float | None]:
    """Returns tokens a second, and the share of the device's peak that useful products take.

    `tokens_per_s` counts a prompt with each of its completions, however often a side forwards it. A
    token costs two operations a weight forward and two backward, weights being frozen; attention
    and the adapter are left out, and the head works where there is loss. The share counts what a
    side has to forward: we a prompt once, TRL a prompt for each completion, padding for nobody.
    """
    examples = [example for step in build_steps(task)[1:] for example in step]
    n_prompt = sum(len(one.prompt.token_ids) for one in examples)
    n_scored = sum(len(text.token_ids) for one in examples for text in one.completions)
    n_read = n_prompt * task.n_candidates + n_scored
    n_forwarded = n_prompt + n_scored if measured.settings["side"] == "ours" else n_read
    elapsed_s = median(measured.costs_s) * len(measured.costs_s)
    kv_width = task.hidden * task.kv_heads // task.heads
    of_layer = task.hidden * (2 * task.hidden + 2 * kv_width + 3 * task.intermediate)
    operations = 4 * (
        n_forwarded * task.layers * of_layer + n_scored * task.hidden * task.vocabulary
    )
    peak = next((value for name, value in PEAK.items() if name in device), None)
    return {
        "tokens_per_s": n_read / elapsed_s,
        "share_of_peak": operations / elapsed_s / peak if peak else None,
    }
