"""Runs an evaluation from its plan to its report, on any engine, inside a job or without one."""

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ptrapp.core.errors import InputError
from ptrapp.engines.base import Engine
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.controls import majority, swapped, thought_removed
from ptrapp.evaluation.differences import differences
from ptrapp.evaluation.generation import RoundGenerator
from ptrapp.evaluation.matches import MatchResult, judge_match, matches, win_rows
from ptrapp.evaluation.plan import BASE_NAME, Cell, Plan, Setting, n_rounds_asked
from ptrapp.evaluation.report import Callbacks, EarlierResults, Progress, Report
from ptrapp.evaluation.table import given, table
from ptrapp.judges.base import Judge
from ptrapp.tasks.datasets import Question


@dataclass(slots=True)
class _State:
    plan: Plan
    callbacks: Callbacks
    n_total: int
    n_done: int = 0
    n_restored: int = 0
    doing: str = ""
    asked: dict[tuple[str, int], list[Question]] = field(default_factory=dict)
    """By task and seed."""

    def report_progress(self, n: int) -> None:
        self.n_done += n
        now = Progress(self.doing, self.n_done, self.n_total, self.n_restored)
        self.callbacks.progress(now)

    def report_restored(self, n: int) -> None:
        self.n_restored += n
        self.report_progress(n)


def evaluate(
    engine: Engine,
    plan: Plan,
    *,
    judge: Judge | None = None,
    callbacks: Callbacks | None = None,
    earlier: EarlierResults | None = None,
) -> Report:
    """Measures every cell of `plan` and returns one table of them.

    The adapters of the plan's versions must be published on `engine`. With a judge, versions are
    also compared with each other. Raises `InputError` for a version that is not published, and an
    error of the engine that is not about one prompt.

    >>> evaluate(engine, Plan(versions=("base", "dpo-000001"), n=200)).table  # doctest: +SKIP
    """
    started = time.monotonic()
    _check(engine, plan)
    asked = {
        (task.name, seed): task.draw(plan.n, seed) for task in plan.tasks for seed in plan.seeds
    }
    state = _State(plan, callbacks or Callbacks(), _total(plan, asked, judge), asked=asked)
    earlier = earlier or EarlierResults()
    cells = _measure(engine, state, {one.cell: one for one in earlier.cells})
    results = _compare(state, cells, judge, earlier.matches) if judge else []
    return Report(
        table(cells),
        given(cells),
        differences(plan, cells),
        win_rows(results),
        plan.decoding,
        round(time.monotonic() - started, 1),
    )


def _measure(
    engine: Engine, state: _State, earlier: dict[Cell, CellResult]
) -> dict[Cell, CellResult]:
    cells: dict[Cell, CellResult] = {}
    for cell in state.plan.cells():
        asked = state.asked[cell.task, cell.seed]
        prompts = tuple(question.prompt for question in asked)
        state.doing = f"{cell.version} on {cell.task}, seed {cell.seed}, {cell.setting.value}"
        found = earlier.get(cell)
        if found is not None and found.prompts == prompts:
            cells[cell] = found
            state.report_restored(_n_answers(state.plan, cell, asked))
            continue
        state.report_progress(0)  # what is being done: the first answers may take minutes
        with engine.pin(cell.policy) if cell.policy.adapter else nullcontext():
            cells[cell] = _cell(engine, state, cell, asked, cells)
        state.callbacks.cell(cells[cell])
    return cells


def _cell(
    engine: Engine,
    state: _State,
    cell: Cell,
    asked: Sequence[Question],
    cells: dict[Cell, CellResult],
) -> CellResult:
    plan = state.plan
    generator = RoundGenerator(
        engine, plan.options(cell), plan.resamples, plan.chunk, state.report_progress
    )
    each = [question for question in asked for _ in range(plan.n_answers)]
    refined = cells.get(replace(cell, setting=Setting.REFINE))
    match cell.setting:
        case Setting.REFINE:
            chains = generator.chains(each, plan.rounds)
        case Setting.MAJORITY:
            sampling = replace(plan.sampling, temperature=plan.temperature)
            chains = majority(generator, each, plan.rounds, sampling)
        case Setting.SWAPPED:
            assert refined is not None, "a control comes after its refinement"
            chains = swapped(generator, each, refined)
        case Setting.THOUGHT_REMOVED:
            assert refined is not None, "a control comes after its refinement"
            chains = thought_removed(generator, each, refined)
    prompts = tuple(question.prompt for question in asked)
    first_round = plan.rounds - n_rounds_asked(cell.setting, plan.rounds)
    return CellResult(cell, prompts, first_round, tuple(chains))


def _compare(
    state: _State, cells: dict[Cell, CellResult], judge: Judge, earlier: Iterable[MatchResult]
) -> list[MatchResult]:
    known = {one.match: one for one in earlier if one.judge == judge.name}
    results = []
    for match in matches(state.plan):
        asked = state.asked[match.task, match.seed]
        first, second = match.first, match.second
        state.doing = (
            f"{judge.name} compares {first.version} round {first.round} with "
            f"{second.version} round {second.round} on {match.task}, seed {match.seed}"
        )
        found = known.get(match)
        if found is None or found.prompts != tuple(question.prompt for question in asked):
            found = judge_match(match, cells, asked, judge, state.report_progress)
            state.callbacks.match(found)
        else:
            state.report_restored(len(asked))
        results.append(found)
    return results


def _check(engine: Engine, plan: Plan) -> None:
    """Raises `InputError` for a plan that cannot be measured."""
    missing = sorted(set(plan.versions) - engine.published() - {BASE_NAME})
    if missing:
        raise InputError(
            f"The versions {', '.join(missing)} are not published on this engine. Publish them "
            "first, or leave them out."
        )
    names = [task.name for task in plan.tasks]
    for what, given_ in (("versions", plan.versions), ("tasks", names), ("seeds", plan.seeds)):
        if len(set(given_)) != len(given_) or not given_:
            raise InputError(f"Name each of the {what} once, and at least one: {list(given_)}.")
    if plan.rounds < 1 or plan.n < 2 or plan.n_samples < 0:
        raise InputError(
            f"rounds is {plan.rounds}, n {plan.n}, n_samples {plan.n_samples}: at least 1 round, "
            "2 problems and 0 samples are needed."
        )


def _n_answers(plan: Plan, cell: Cell, asked: Sequence[Question]) -> int:
    return len(asked) * plan.n_answers * n_rounds_asked(cell.setting, plan.rounds)


def _total(plan: Plan, asked: dict[tuple[str, int], list[Question]], judge: Judge | None) -> int:
    answers = sum(_n_answers(plan, cell, asked[cell.task, cell.seed]) for cell in plan.cells())
    judged = sum(len(asked[match.task, match.seed]) for match in matches(plan)) if judge else 0
    return answers + judged
