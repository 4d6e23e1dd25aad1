"""Runs an evaluation from its plan to its report, on any engine, inside a job or without one."""

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

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
    began: float
    asked: dict[tuple[str, int], list[Question]]
    """By task and seed."""
    n_done: int = 0
    n_restored: int = 0
    doing: str = ""

    def of(self, cell: Cell, block: slice) -> list[Question]:
        """Returns the problems of a block."""
        return self.asked[cell.task, cell.seed][block]

    @property
    def limit_left_s(self) -> float | None:
        limit_s = self.plan.limit_s
        return None if limit_s is None else limit_s - (time.monotonic() - self.began)

    def report_progress(self, n: int) -> None:
        self.n_done += n
        now = Progress(self.doing, self.n_done, self.n_total, self.n_restored, self.limit_left_s)
        self.callbacks.progress(now)

    def report_restored(self, n: int) -> None:
        self.n_restored += n
        self.report_progress(n)

    def end_at(self, n: int, judge: Judge | None) -> None:
        """Leaves out the problems after the first `n`."""
        self.asked = {key: asked[:n] for key, asked in self.asked.items()}
        self.n_total = _total(self.plan, self.asked, judge)


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
    n_drawn, n_planned = sum(map(len, asked.values())), _total(plan, asked, judge)
    state = _State(plan, callbacks or Callbacks(), n_planned, started, asked)
    earlier = earlier or EarlierResults()
    cells = _measure(engine, state, list(earlier.cells), judge)
    results = _compare(state, cells, judge, earlier.matches) if judge else []
    return Report(
        table(cells),
        given(cells),
        differences(plan, cells),
        win_rows(results),
        plan.decoding,
        round(time.monotonic() - started, 1),
        n_drawn - sum(map(len, state.asked.values())),
        round((state.n_done - state.n_restored) / max(n_planned, 1), 4),
    )


def _measure(
    engine: Engine, state: _State, earlier: Sequence[CellResult], judge: Judge | None
) -> dict[Cell, CellResult]:
    """Measures all cells on one block of problems after the other, until the time is over."""
    cells: dict[Cell, CellResult] = {}
    blocks = state.plan.blocks()
    longest_s = 0.0
    for block in blocks:
        left_s = state.limit_left_s
        if cells and left_s is not None and longest_s > left_s:
            state.end_at(block.start, judge)
            break
        began = time.monotonic()
        parts = _block(engine, state, block, earlier, is_whole=len(blocks) == 1)
        longest_s = max(longest_s, time.monotonic() - began)
        for cell, part in parts.items():
            cells[cell] = cells[cell] + part if cell in cells else part
    if len(blocks) > 1:
        for measured in cells.values():
            state.callbacks.cell(measured)
    return cells


def _block(
    engine: Engine, state: _State, block: slice, earlier: Sequence[CellResult], *, is_whole: bool
) -> dict[Cell, CellResult]:
    """Measures all cells on a block of problems; what was measured earlier is taken from there."""
    cells: dict[Cell, CellResult] = {}
    for cell in state.plan.cells():
        asked = state.of(cell, block)
        if not asked:
            continue  # another task has more problems
        prompts = tuple(question.prompt for question in asked)
        state.doing = f"{cell.version} on {cell.task}, seed {cell.seed}, {cell.setting.value}"
        of_cell = (one.on(prompts) for one in earlier if one.cell == cell)
        found = next((one for one in of_cell if one is not None), None)
        if found is not None:
            cells[cell] = found
            state.report_restored(_n_answers(state.plan, cell, asked))
        else:
            state.report_progress(0)  # what is being done: the first answers may take minutes
            with engine.pin(cell.policy) if cell.policy.adapter else nullcontext():
                cells[cell] = _cell(engine, state, cell, asked, cells)
            state.callbacks.part(cells[cell])
        if is_whole:
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
