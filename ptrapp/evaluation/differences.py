"""Compares versions on the same problems: what the later one fixes and breaks, with an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ptrapp.analysis.paired import paired_difference
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.plan import Cell, Plan, Setting


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One round of two versions on the same problems, over all seeds."""

    version: str
    against: str
    round: int
    """From 1."""
    task: str
    n: int
    """Problems; of several answers to one the first counts."""
    fixed: int
    """Wrong by `against` and right by `version`."""
    broken: int
    difference: float
    """Accuracy of `version` minus that of `against`."""
    low: float
    """Newcombe's paired interval, 95 %."""
    high: float


def differences(plan: Plan, cells: Mapping[Cell, CellResult]) -> list[DifferenceRow]:
    """Returns a row for every later version against every earlier one, task and round."""
    return [
        _row(plan, cells, task.name, version, other, index)
        for task in plan.tasks
        for number, version in enumerate(plan.versions)
        for other in plan.versions[:number]
        for index in range(plan.rounds)
    ]


def _row(
    plan: Plan,
    cells: Mapping[Cell, CellResult],
    task: str,
    version: str,
    against: str,
    index: int,
) -> DifferenceRow:
    after, before = (_right(plan.seeds, cells, task, name, index) for name in (version, against))
    found = paired_difference(before, after)
    return DifferenceRow(
        version,
        against,
        index + 1,
        task,
        found.n,
        found.fixed,
        found.broken,
        found.value,
        *found.interval,
    )


def _right(
    seeds: Sequence[int], cells: Mapping[Cell, CellResult], task: str, version: str, index: int
) -> list[bool]:
    """Returns whether the first answer to each problem is right, one seed after another."""
    right: list[bool] = []
    for seed in seeds:
        one = cells[Cell(version, task, seed, Setting.REFINE)]
        answers = one.at(index)[:: len(one.chains) // len(one.prompts)]
        right += [answer.correct for answer in answers]
    return right
