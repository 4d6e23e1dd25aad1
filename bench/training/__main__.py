"""Measures our trainer's speed beside TRL's, on the same model, data, LoRA, precision and core.

    python -m bench.training [--full] [--turns 2] | --growth PATH.png | --cuda [--cases A,B]
                             | --memory --model smollm2 [--budgets null,1024] [--within GB]

All sides of a case live at once and make their steps in turn; a ratio is the median over the steps.
Speed is CPU time, so that a busy machine distorts it less; memory is the highest of the run above
that of the loaded model. Both sides have glibc keep freed memory, and TRL scores only completions,
which it does by itself only on a GPU: what is left to measure is the trainers' own work. The
precision is the one that a job would choose on this machine; it is printed.
"""

import argparse
import json
import math
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.training.compare import (
    Measured,
    epochs_ratio,
    fastest,
    memory_ratio,
    speed_ratio,
    take_turns,
)
from bench.training.cuda import on_cuda
from bench.training.data import PLAIN_TRL, Settings, Task
from bench.training.memory import measure_memory, sized
from bench.training.turns import prepare
from ptrapp.core.settings import Settings as AppSettings
from ptrapp.models.finding import find_model
from training.policy.precision import measure_gain, precision_of_gain

OURS: Settings = {"side": "ours", "token_budget": 1024, "reference": "given"}
TRL: Settings = {**PLAIN_TRL, "reference": "given"}
EAGER: Settings = {**TRL, "attention": "eager"}
OURS_DPO: dict[str, Settings] = {
    "ours, all at once": {**OURS, "token_budget": None},
    "ours, 2048": {**OURS, "token_budget": 2048},
    "ours, 1024": {**OURS, "reference": "precomputed"},
}
TRL_DPO: dict[str, Settings] = {
    "trl, 8": {**TRL, "batch": 8},
    "trl, 1": TRL,
    "trl, 1, eager": {**EAGER, "reference": "precomputed"},
    "trl, 1, eager, without metrics": {**EAGER, "head": "bare"},
}
"""The same batch as ours, and the two settings of the grid that were fastest."""
NEEDED = ("ours, all at once", "ours, 1024", "trl, 8", *list(TRL_DPO)[-2:])
"""Sides that a reported ratio needs."""
TINY = {"vocabulary": 300, "hidden": 32, "intermediate": 64, "layers": 2, "heads": 2}
TINY_DATA = {"kv_heads": 2, "prompt": (30, 10), "completion": (20, 5), "prompts_per_step": 2}


def main() -> None:
    """Prints a JSON object as the last line."""
    asked = _arguments()
    prepare("bench.training.ours", *(["bench.training.trl"] if find_spec("trl") else []))
    if asked.cuda:
        names = asked.cases.split(",") if asked.cases else []
        print(json.dumps(on_cuda(names, seconds=asked.seconds, tiny=asked.tiny)))
        return
    tiny: dict[str, Any] = TINY | TINY_DATA if asked.tiny else {}
    task = Task(n_steps=asked.turns + 1, **tiny)
    if asked.memory and not asked.tiny:
        found = find_model(AppSettings(model=asked.model), lambda *progress: None)
        task = sized(Task(n_steps=asked.turns + 1), found.model_path)
    choice = precision_of_gain(measure_gain(task.block_shapes))
    print(f"trained in {choice.about}", file=sys.stderr, flush=True)
    task = replace(task, dtype=choice.precision.value)
    if asked.memory:
        of_budgets = measure_memory(task, asked.budgets.split(","), asked.within)
        print(json.dumps({"model": asked.model, "precision": choice.about} | of_budgets))
        return
    if asked.growth:
        from bench.training.growth import growth  # the other measurements need no matplotlib

        counts = [[int(n) for n in each.split(",")] for each in (asked.pairs, asked.contexts)]
        grown = growth(asked.growth, *counts, most_of_trl=asked.most_of_trl, **tiny)
        print(json.dumps({"growth": grown}))
        return
    report: dict[str, Any] = {"precision": choice.about, "cases": {}, "settings": {}}
    _dpo(report, task, _selected(OURS_DPO | TRL_DPO, asked.tiny), full=asked.full)
    _others(report, task, tiny=asked.tiny, full=asked.full)
    if asked.full:
        _untuned(report, task)
    from bench.training.agree import agreement  # a GPU's machine may have no TRL

    report |= agreement()._asdict()
    print(json.dumps(report))


def _selected(sides: dict[str, Settings], tiny: bool) -> dict[str, Settings]:
    return {name: side for name, side in sides.items() if name in NEEDED or not tiny}


def _dpo(report: dict[str, Any], task: Task, sides: dict[str, Settings], *, full: bool) -> None:
    """Measures the main case. With `full`, all of TRL's grid runs too, each beside our fastest."""
    found = take_turns(task, sides)
    if full:
        report["grid"] = {}
        beside = {"ours, 1024": OURS_DPO["ours, 1024"]}
        for name, settings in _grid().items():
            both = take_turns(task, beside | {name: settings})
            found[name] = both[name]
            report["grid"][name] = speed_ratio(both["ours, 1024"], both[name])
    report["cases"]["dpo"] = {name: each.as_json() for name, each in found.items()}
    same, best = found["ours, all at once"], found["ours, 1024"]
    named = {name: each for name, each in found.items() if name in TRL_DPO}
    theirs = fastest(named, "trl", head="metrics")
    bare = fastest(named, "trl", head="bare")
    _add_ratios(report, "dpo", same, found["trl, 8"], "_same_batch")
    _add_ratios(report, "dpo", best, theirs, "_best")
    _add_ratios(report, "dpo", best, bare, "_best_without_metrics")
    cached = found["ours, 1024"], found["trl, 1, eager"]
    report["dpo_ratio_3_epochs"] = epochs_ratio(*cached, n_epochs=3)
    names = zip(("ours", "trl"), cached, strict=True)
    report["settings"]["dpo_ratio_3_epochs"] = {name: dict(each.settings) for name, each in names}


def _others(report: dict[str, Any], task: Task, *, tiny: bool, full: bool) -> None:
    """Measures a small vocabulary, imitation, and four candidates: our fastest beside TRL's.

    Without `full`, only the settings that were fastest there.
    """
    small = replace(task, vocabulary=min(task.vocabulary, 2000))
    sft = replace(task, kind="sft", prompt=(2 * task.prompt[0], task.prompt[1]))
    k4 = replace(task, n_candidates=4, prompts_per_step=2)
    ours = {"ours, 1024": OURS}
    both = ours | {"ours, 2048": {**OURS, "token_budget": 2048}}
    theirs = {name: TRL_DPO[name] for name in ("trl, 8", "trl, 1")} if full else {}
    theirs |= {"trl, 1, eager": EAGER}
    cases: dict[str, tuple[Task, dict[str, Settings], str, str]] = {
        "small_vocab": (small, (both if full else ours) | theirs, "dpo", "_best_small_vocab"),
        "sft": (sft, both | theirs, "sft", "_best"),
        "k4": (k4, (both if full else ours) | theirs, "k4", ""),
    }
    for name, (of_case, sides, key, suffix) in cases.items():
        found = take_turns(of_case, _selected(sides, tiny))
        report["cases"][name] = {side: each.as_json() for side, each in found.items()}
        _add_ratios(report, key, fastest(found, "ours"), fastest(found, "trl"), suffix)


def _untuned(report: dict[str, Any], task: Task) -> None:
    """Measures the main ratios with glibc's default malloc."""
    found = take_turns(task, OURS_DPO | TRL_DPO, tuned_malloc=False)
    report["cases"]["dpo_untuned"] = {name: each.as_json() for name, each in found.items()}
    best, theirs = fastest(found, "ours"), fastest(found, "trl", head="metrics")
    _add_ratios(report, "dpo", found["ours, all at once"], found["trl, 8"], "_same_batch_untuned")
    _add_ratios(report, "dpo", best, theirs, "_best_untuned")


def _grid() -> dict[str, Settings]:
    """Returns the other settings of TRL."""
    grid: dict[str, Settings] = {
        f"trl, {batch}, {attention}, {head}": {
            **TRL,
            "batch": batch,
            "attention": attention,
            "head": head,
        }
        for batch in (1, 2, 4)
        for attention in ("sdpa", "eager")
        for head in ("metrics", "narrow")
    }
    return grid | {
        "trl, 8, reference each step": {**TRL, "batch": 8, "reference": "each step"},
        "trl, 8, checkpointing": {**TRL, "batch": 8, "checkpointing": True},
        "trl, 8, all positions": {**TRL, "batch": 8, "scored": "all"},
        "trl, 8, without metrics": {**TRL, "batch": 8, "head": "bare"},
    }


def _add_ratios(
    report: dict[str, Any], key: str, ours: Measured, theirs: Measured, suffix: str = ""
) -> None:
    """Adds the ratios of speed and of the same runs' memory to the report."""
    report[f"{key}_ratio{suffix}"] = speed_ratio(ours, theirs)
    report[f"{key}_memory_ratio{suffix}"] = memory_ratio(ours, theirs)
    settings = {"ours": dict(ours.settings), "trl": dict(theirs.settings)}
    report["settings"][f"{key}_ratio{suffix}"] = settings
    print(f"{key}_ratio{suffix}: {speed_ratio(ours, theirs):.2f}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--full", action="store_true", help="TRL's whole grid, and plain malloc")
    parser.add_argument("--turns", type=int, default=2, help="measured steps of each side")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that it works")
    parser.add_argument("--cuda", action="store_true", help="1B and 135M on a GPU, nothing else")
    parser.add_argument("--cases", default="", help="of --cuda: dpo_1b,sft_135m,kernels, …")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of --cuda")
    parser.add_argument("--memory", action="store_true", help="of token budgets, nothing else")
    parser.add_argument("--model", default="bundled", help="of --memory: smollm2 or a folder")
    parser.add_argument("--budgets", default="null,1024", help="of --memory; null is chosen")
    parser.add_argument("--within", type=float, help="of --memory: GB that count as free")
    parser.add_argument("--growth", type=Path, metavar="PNG", help="plot cost against size only")
    parser.add_argument("--pairs", default="100,1000,10000", help="of --growth")
    parser.add_argument("--contexts", default="512,1024,2048,4096", help="of --growth, in tokens")
    parser.add_argument("--most-of-trl", type=int, default=1000, help="pairs in --growth")
    return parser.parse_args()


if __name__ == "__main__":
    main()
