"""Measures how DPO's time and memory grow with the number of pairs and the context length."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.training.compare import Measured, take_turns
from bench.training.data import PLAIN_TRL, Settings, Task
from ptrapp.core.settings import BUNDLED_MODEL

OURS: Settings = {"side": "ours", "token_budget": 1024, "reference": "precomputed"}
BUNDLED = Task(
    model=str(BUNDLED_MODEL),
    vocabulary=768,
    dtype="float32",
    prompt=(60, 20),
    completion=(40, 15),
)
PAIRS_PER_STEP = 8


def growth(
    path: Path, n_pairs: list[int], contexts: list[int], *, most_of_trl: int, **sizes: Any
) -> dict[str, list[dict[str, Any]]]:
    """Measures, plots to `path` and returns the values. `sizes` are of the context's model."""
    found = {
        "pairs": [row for n in n_pairs for row in _whole_pass(n, with_trl=n <= most_of_trl)],
        "context": [row for n in contexts for row in _one_pair(n, sizes)],
    }
    _plot(path, found)
    return found


def _whole_pass(n_pairs: int, *, with_trl: bool) -> list[dict[str, Any]]:
    """Measures a DPO pass of the bundled model: the reference first, then every pair once."""
    task = replace(BUNDLED, n_steps=max(2, n_pairs // PAIRS_PER_STEP))
    sides = {"ours": OURS} | ({"trl": PLAIN_TRL} if with_trl else {})
    rows = []
    for name, each in take_turns(task, sides).items():
        mean_s = sum(each.costs_s) / len(each.costs_s)  # the warm-up counts as any other step
        pass_s = (mean_s + each.reference_s) * task.n_steps
        rows.append(_row(name, n_pairs, pass_s, each))
    return rows


def _one_pair(context: int, sizes: dict[str, Any]) -> list[dict[str, Any]]:
    """Measures a step of one pair that fills the context, half prompt and half completion."""
    lengths = {"prompt": (context // 2, 0), "completion": (context // 2, 0)}
    task = Task(**(sizes | lengths | {"prompts_per_step": 1, "n_steps": 3}))
    found = take_turns(task, {"ours": OURS, "trl": PLAIN_TRL})
    return [
        _row(name, context, sum(each.costs_s) / len(each.costs_s), each)
        for name, each in found.items()
    ]


def _row(side: str, n: int, cost_s: float, measured: Measured) -> dict[str, Any]:
    return {"side": side, "n": n, "cost_s": cost_s, "peak_extra_mb": measured.peak_extra_mb}


def _plot(path: Path, found: dict[str, list[dict[str, Any]]]) -> None:
    """Plots time in logarithms, where a line means a power, and memory from 0."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    labels = {
        "pairs": "pairs, bundled 1M model, one epoch",
        "context": "tokens of a sequence, 59M model, one pair",
    }
    axes = figure.subplots(2, len(labels), sharex="col")
    for column, (kind, label) in enumerate(labels.items()):
        time, memory = axes[0][column], axes[1][column]
        for axis, unit in ((time, "cost_s"), (memory, "peak_extra_mb")):
            for side, name in (("ours", "Thrice"), ("trl", "TRL")):
                rows = [row for row in found[kind] if row["side"] == side]
                axis.plot([r["n"] for r in rows], [r[unit] for r in rows], "o-", label=name)
            axis.grid(alpha=0.3)
        time.set(xscale="log", yscale="log", ylabel="CPU seconds")
        memory.set(ylabel="peak extra MB", xlabel=label)
        memory.set_ylim(bottom=0)
        sizes = sorted({row["n"] for row in found[kind]})
        memory.set_xticks(sizes, [f"{size:,}" for size in sizes])
        memory.minorticks_off()
    axes[0][0].legend()
    figure.savefig(path, dpi=120)
