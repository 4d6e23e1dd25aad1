"""The arms of the two papers' experiments, each a chain of the product's own jobs.

PTR (arXiv 2410.13413): refinement data, thought-mask fine-tuning and its control. TPO (arXiv
2410.10630): iterations with thoughts, and the direct baseline on the same prompts, judge and loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bench.papers.measured import Comparison, Lines, Point, points_of
from bench.papers.steps import Steps
from db.models import JobKind
from ptrapp.core.thoughts import Thinking
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.plan import BASE_NAME, Setting

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is learnt and measured, and how much of it."""

    practice: str
    """Source of the prompts and questions that are practised on."""
    tasks: tuple[str, ...]
    """Tasks that are measured; none of their problems is practised on."""
    n: int
    """Problems of a task, for each seed."""
    n_queries: int
    n_prompts: int
    iterations: int
    ptr_data: Settings = field(default_factory=dict)
    progressive: Settings = field(default_factory=dict)
    """Settings of refinement data in rising order, over those of `ptr_data`."""
    mask_sft: Settings = field(default_factory=dict)
    tpo: Settings = field(default_factory=dict)
    evaluation: Settings = field(default_factory=dict)
    """Settings of the jobs, beside the seed and what the arm itself decides."""


def ptr(steps: Steps, subject: Subject, seed: int) -> Lines:
    """Measures PTR by round: base, trained with attempts in view, trained without, and controls."""
    recipe = {
        "queries": subject.practice,
        "n_queries": subject.n_queries,
        "seed": seed,
        "thinking": Thinking.LATER.value,
        **subject.ptr_data,
    }
    steps.run("data", JobKind.PTR_DATA, recipe)
    learn = {"seed": seed, **subject.mask_sft}
    tuned = steps.run("mask-sft", JobKind.MASK_SFT, learn).adapter
    plain = steps.run("plain-sft", JobKind.MASK_SFT, learn | {"attempts": False}).adapter
    plan = {"rounds": 3} | subject.evaluation | {"thinking": recipe["thinking"]}
    of_tuned = _evaluate(steps, "evaluate", subject, seed, [tuned], plan | {"controls": True})
    of_plain = _evaluate(
        steps, "evaluate-plain", subject, seed, [plain], plan | {"controls": False}
    )
    names = {BASE_NAME: "base, asked again", tuned: "tuned"}
    lines = _by_round(of_tuned, names)
    return {**lines, **_by_round(of_plain, {plain: "plain SFT, no attempts"})}


def progressive(steps: Steps, subject: Subject, seed: int) -> Lines:
    """Measures PTR by round, with the model's own answers in rising order as refinement data."""
    own = {"final": "best_of_n", "progressive": True, **subject.progressive}
    return ptr(steps, replace(subject, ptr_data=subject.ptr_data | own), seed)


def thought(steps: Steps, subject: Subject, seed: int) -> Lines:
    """Measures TPO's versions by iteration, with thoughts."""
    return _tpo(steps, subject, seed, thinking=True)


def direct(steps: Steps, subject: Subject, seed: int) -> Lines:
    """Measures the direct baseline by iteration."""
    return _tpo(steps, subject, seed, thinking=False)


ARMS: dict[str, Callable[[Steps, Subject, int], Lines]] = {
    "ptr": ptr,
    "progressive": progressive,
    "thought": thought,
    "direct": direct,
}


def comparisons(arm: str, lines: Lines) -> list[Comparison]:
    """Returns the differences that an arm is about."""
    if arm in ("thought", "direct"):
        return [
            Comparison(line, column, line, BASE_NAME)
            for line, columns in lines.items()
            for column in columns
            if column != BASE_NAME
        ]
    found = []
    for line, columns in lines.items():
        last = max(columns, key=_number)
        if "1" in columns and last != "1":
            found.append(Comparison(line, last, line, "1"))
        control = f"{line}, {Setting.SWAPPED.value}"
        if control in lines:
            found.append(Comparison(line, last, control, last))
    return found


def _tpo(steps: Steps, subject: Subject, seed: int, *, thinking: bool) -> Lines:
    recipe = {
        "prompts": subject.practice,
        "n_prompts": subject.n_prompts,
        "iterations": subject.iterations,
        "thinking": thinking,
        "seed": seed,
        **subject.tpo,
    }
    done = steps.run("tpo-1", JobKind.TPO, recipe)
    versions = [done.adapter]
    while following := done.result.get("next_job_id"):
        done = steps.adopt(f"tpo-{len(versions) + 1}", following)
        versions.append(done.adapter)
    mode = Thinking.ALWAYS if thinking else Thinking.NEVER
    plan = {"rounds": 1, "controls": False} | subject.evaluation | {"thinking": mode.value}
    cells = _evaluate(steps, "evaluate", subject, seed, versions, plan)
    columns = {BASE_NAME: BASE_NAME} | {
        name: str(number) for number, name in enumerate(versions, start=1)
    }
    lines: dict[str, dict[str, list[Point]]] = {}
    for cell in cells:
        line = lines.setdefault(cell.cell.task, {})
        line.setdefault(columns[cell.cell.version], []).extend(points_of(cell, 0))
    return lines


def _evaluate(
    steps: Steps,
    name: str,
    subject: Subject,
    seed: int,
    versions: list[str | None],
    plan: Settings,
) -> list[CellResult]:
    recipe = {
        "tasks": list(subject.tasks),
        "n": subject.n,
        "seeds": [seed],
        "versions": versions,
        **plan,
    }
    return steps.cells(steps.run(name, JobKind.EVALUATE, recipe))


def _by_round(cells: list[CellResult], names: Mapping[str | None, str]) -> Lines:
    """Returns a line for each named version, task and setting, with a column a round."""
    lines: dict[str, dict[str, list[Point]]] = {}
    for cell in cells:
        if cell.cell.version not in names:
            continue
        line = f"{cell.cell.task}: {names[cell.cell.version]}"
        if cell.cell.setting is not Setting.REFINE:
            line += f", {cell.cell.setting.value}"
        columns = lines.setdefault(line, {})
        for index in range(cell.first_round, cell.n_rounds):
            columns.setdefault(str(index + 1), []).extend(points_of(cell, index))
    return lines


def _number(column: str) -> int:
    return int(column)
