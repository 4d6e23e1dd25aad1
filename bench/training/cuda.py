"""The same comparison on one GPU: Llamas of random weights, wall time, GPU memory.

    python -m bench.training --cuda [--tiny] [--cases dpo_1b,sft_1b] [--seconds 150]

Each side is measured alone, from what is most worth knowing on; after `--seconds` no further one is
started, and one that runs when SIGTERM comes is given up. A side that fails is reported with its
reason, and the others go on. The case `kernels` says where the time of a micro-batch goes.
"""

import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple

import torch

from bench.training.compare import Measured, memory_ratio, speed_ratio, take_turns
from bench.training.data import PLAIN_TRL, Settings, Task, build_steps
from bench.training.kernels import kernels

PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bfloat16 operations a second by part of the device's name (NVIDIA's data sheets)."""
FORMULA = (
    "mfu = (4 * N * T + 4 * H * V * S) / seconds / peak: N weights of the layers without the LoRA, "
    "T tokens that a side has to forward (ours a prompt once, TRL's with each completion, padding "
    "for nobody), S scored tokens, H * V weights of the head; 2 operations a weight forward and 2 "
    "for the gradient of the activations, the weights being frozen. Attention and LoRA are left "
    "out. No reference is computed in these steps; it would add 2 * N * T."
)
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
    n_steps=6,
    device="cuda",
)
"""The sizes of Llama 3.2 1B."""
SMALL = replace(
    BILLION, vocabulary=49_152, hidden=576, intermediate=1536, layers=30, heads=9, kv_heads=3
)
"""The sizes of SmolLM2-135M."""
TINY = {"vocabulary": 300, "hidden": 32, "intermediate": 64, "layers": 1, "heads": 2, "kv_heads": 2}
TINY_DATA: dict[str, Any] = {
    "prompt": (30, 10),
    "completion": (20, 5),
    "prompts_per_step": 4,
    "n_steps": 2,
    "device": "cpu",
}


class Ended(Exception):
    """SIGTERM: the time is up, and what was measured is printed."""


class Case(NamedTuple):
    """A task, and the sides it is measured with, in their order."""

    task: Task
    sides: dict[str, Settings]


def on_cuda(
    names: Iterable[str] = (), *, seconds: float = float("inf"), tiny: bool = False
) -> dict[str, Any]:
    """Measures the named cases, all without a name; TRL's sides only where it is installed."""
    ends = time.monotonic() + seconds
    cases = _cases(tiny)
    device = "cpu" if tiny else torch.cuda.get_device_name()
    report: dict[str, Any] = {"device": device, "torch": torch.__version__, "formula": FORMULA}
    signal.signal(signal.SIGTERM, _end)
    try:
        for name in names or [*cases, "kernels"]:
            if name == "kernels":
                report[name] = _kernels(cases["dpo_1b"].task)
            else:
                _measure(cases[name], device, ends, report.setdefault(name, {}))
    except Ended:
        report["ended"] = f"{name} was not done when the time was up"
    return report


def _end(*_: object) -> None:
    raise Ended


def _kernels(task: Task) -> dict[str, Any]:
    """Profiles with compiled layers and without."""
    budget = 16384
    found = {}
    for compiled in (True, False):
        try:
            found["compiled" if compiled else "plain"] = kernels(task, budget, compiled=compiled)
        except RuntimeError as error:
            found[f"failed, compiled: {compiled}"] = {"failed": str(error)}
    return found


def _cases(tiny: bool) -> dict[str, Case]:
    sft = {"kind": "sft", "prompt": (800, 300), "completion": (300, 160)}
    tasks = {
        "dpo_1b": (BILLION, _ours((True, 16384), (False, 16384), (True, 32768), (True, 8192))),
        "dpo_135m": (SMALL, _ours((True, 32768), (False, 32768))),
        "sft_1b": (replace(BILLION, **sft), _ours((True, 16384))),  # type: ignore[arg-type]
        "sft_135m": (replace(SMALL, **sft), _ours((True, 32768))),  # type: ignore[arg-type]
    }
    batches = {"dpo_1b": (8, 4), "dpo_135m": (16,), "sft_1b": (8,), "sft_135m": (32,)}
    cases = {}
    for name, (task, ours) in tasks.items():
        batch_sizes: tuple[int, ...] = batches[name]
        if tiny:
            task = replace(task, **(TINY | TINY_DATA))
            ours, batch_sizes = dict(list(ours.items())[:1]), (2,)
        theirs = {f"trl, {size}": {**PLAIN_TRL, "batch": size} for size in batch_sizes}
        theirs = {side: {**each, "reference": "given"} for side, each in theirs.items()}
        first, *others = ours.items()
        # Our likely best and TRL's come first, so that a ratio is known soon.
        in_order = dict([first, *(theirs.items() if find_spec("trl") else ()), *others])
        cases[name] = Case(task, in_order)
    return cases


def _ours(*variants: tuple[bool, int]) -> dict[str, Settings]:
    return {
        f"ours, {budget}{', compiled' if compiled else ''}": {
            "side": "ours",
            "token_budget": budget,
            "reference": "given",
            "compile": compiled,
        }
        for compiled, budget in variants
    }


def _measure(case: Case, device: str, ends: float, report: dict[str, Any]) -> None:
    """Fills the report side by side, so that it has what was measured when the time is up."""
    found: dict[str, Measured] = {}
    report |= {"task": asdict(case.task), "sides": {}}
    for name, settings in case.sides.items():
        if time.monotonic() > ends:
            report["sides"][name] = {"skipped": "the time was up"}
            continue
        began = time.monotonic()
        try:
            found[name] = take_turns(case.task, {name: settings})[name]
        except RuntimeError as error:
            report["sides"][name] = {"failed": str(error)}
            continue
        shown = found[name].as_json() | _throughput(case.task, found[name], device)
        report["sides"][name] = shown | {"whole_s": time.monotonic() - began}
        print(name, report["sides"][name], file=sys.stderr, flush=True)
        _compare(found, case.task, device, report)


def _compare(found: dict[str, Measured], task: Task, device: str, report: dict[str, Any]) -> None:
    sides = {of: [m for m in found.values() if m.settings["side"] == of] for of in ("ours", "trl")}
    if all(sides.values()):
        best, theirs = (max(each, key=lambda one: one.rate) for each in sides.values())
        report["ratio_best"] = speed_ratio(best, theirs)
        report["memory_ratio_best"] = memory_ratio(best, theirs)
    if sides["ours"]:
        fastest = max(sides["ours"], key=lambda one: one.rate)
        report["fastest"] = dict(fastest.settings)
        report["mfu"] = _throughput(task, fastest, device)["mfu"]


def _throughput(task: Task, measured: Measured, device: str) -> dict[str, Any]:
    """Returns tokens a second, and the share of the device's peak that useful products take.

    `tokens_per_s` counts a prompt with each of its completions, however often a side forwards it;
    `mfu` counts what the side has to forward, by `FORMULA`.
    """
    examples = [example for step in build_steps(task)[1:] for example in step]
    n_prompt = sum(len(one.prompt.token_ids) for one in examples)
    n_scored = sum(len(text.token_ids) for one in examples for text in one.completions)
    n_completions = len(examples[0].completions)
    n_read = n_prompt * n_completions + n_scored
    n_forwarded = n_prompt + n_scored if measured.settings["side"] == "ours" else n_read
    elapsed_s = median(measured.costs_s) * len(measured.costs_s)
    kv_width = task.hidden * task.kv_heads // task.heads
    of_layer = task.hidden * (2 * task.hidden + 2 * kv_width + 3 * task.intermediate)
    operations = 4 * (
        n_forwarded * task.layers * of_layer + n_scored * task.hidden * task.vocabulary
    )
    peak = next((value for name, value in PEAK.items() if name in device), None)
    return {
        "steps_s": measured.costs_s,
        "tokens_per_s": n_read / elapsed_s,
        "forwarded_tokens_per_s": n_forwarded / elapsed_s,
        "mfu": operations / elapsed_s / peak if peak else None,
    }
