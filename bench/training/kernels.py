"""Names the kernels in which the time of a DPO micro-batch goes, forward and backward."""

import time
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from bench.training.data import Task, build_model, build_steps, likely_logps
from bench.training.ours import OBJECTIVES, build_scorer
from training.data.batches import Item, build
from training.data.plan import cut

N_NAMED = 30
N_WARM = 3


def kernels(task: Task, token_budget: int, *, compiled: bool) -> dict[str, Any]:
    """Returns a micro-batch's seconds, those the device was busy, and the costliest kernels."""
    if task.device == "cpu":
        torch.set_num_threads(1)
    scorer = build_scorer(build_model(task))
    scorer.train()
    on_gpu = task.device == "cuda"
    if compiled:
        scorer.compile_layers("inductor" if on_gpu else "eager")
    items = [Item(one, likely_logps(one, task)) for one in build_steps(task)[0]]
    group = cut(items, scorer.layout.rows, token_budget)[0]

    def step() -> float:
        began = time.perf_counter()
        batch = build(group, scorer.layout.rows, 0).to(task.device)
        OBJECTIVES[task.kind](scorer(batch), batch).loss.mean().backward()
        if on_gpu:
            torch.cuda.synchronize()
        scorer.zero_grad(set_to_none=True)
        return time.perf_counter() - began

    for _ in range(N_WARM):
        plain_s = step()
    activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    with profile(activities=[activity]) as profiled:
        step()
    cost = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    found = sorted(profiled.key_averages(), key=lambda each: -getattr(each, cost))
    return {
        "layout": str(scorer.layout),
        "tokens": sum(item.encoded.n_tokens for item in group),
        "seconds": plain_s,
        "busy_s": sum(getattr(each, cost) for each in found) / 1e6,
        "kernels": [
            {"name": each.key[:120], "calls": each.count, "ms": getattr(each, cost) / 1e3}
            for each in found[:N_NAMED]
        ],
    }
