"""An evaluation from its plan to its report, on any engine; with or without a job around it."""

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ptrapp.core.errors import InputError
from ptrapp.engines.base import Engine
from ptrapp.evaluation.answers import Measured
from ptrapp.evaluation.controls import majority, swapped, thought_removed
from ptrapp.evaluation.generation import RoundGenerator
from ptrapp.evaluation.matches import Judged, matches, play, win_rows
from ptrapp.evaluation.plan import BASE_NAME, Cell, Plan, Setting, n_rounds_asked
from ptrapp.evaluation.report import EarlierResults, Progress, Report, Watch
from ptrapp.evaluation.table import given, table
from ptrapp.judges.base import Judge
from ptrapp.tasks.datasets import Question


@dataclass(slots=True)
class _State:
    plan: Plan
    watch: Watch
    n_total: int
    n_done: int = 0
    doing: str = ""
    asked: dict[tuple[str, int], list[Question]] = field(default_factory=dict)
    """By task and seed."""

    def told(self, n: int) -> None:
        self.n_done += n
        self.watch.progress(Progress(self.doing, self.n_done, self.n_total))


def evaluate(
    engine: Engine,
    plan: Plan,
    *,
    judge: Judge | None = None,
    watch: Watch | None = None,
    kept: EarlierResults | None = None,
) -> Report:
    """Measure every cell of `plan` and make one table of them.

    The adapters of the plan's versions are published on `engine` already. With a judge, versions
    are compared too. Raises `InputError` for a version that is not published, and whatever keeps
    the engine from answering.

    >>> evaluate(engine, Plan(versions=("base", "dpo-000001"), n=200)).table  # doctest: +SKIP
    """
    began = time.monotonic()
    _check(engine, plan)
    asked = {
        (task.name, seed): task.draw(plan.n, seed) for task in plan.tasks for seed in plan.seeds
    }
    state = _State(plan, watch or Watch(), _total(plan, asked, judge), asked=asked)
    kept = kept or EarlierResults()
    cells = _measure(engine, state, {one.cell: one for one in kept.cells})
    played = _compare(state, cells, judge, kept.matches) if judge else []
    return Report(
        table(cells),
        given(cells),
        win_rows(played),
        plan.decoding,
        round(time.monotonic() - began, 1),
    )


def _measure(engine: Engine, state: _State, kept: dict[Cell, Measured]) -> dict[Cell, Measured]:
    cells: dict[Cell, Measured] = {}
    for cell in state.plan.cells():
        asked = state.asked[cell.task, cell.seed]
        prompts = tuple(question.prompt for question in asked)
        state.doing = f"{cell.version} on {cell.task}, seed {cell.seed}, {cell.setting.value}"
        found = kept.get(cell)
        if found is not None and found.prompts == prompts:
            cells[cell] = found
            state.told(_n_answers(state.plan, cell, asked))
            continue
        with engine.pin(cell.policy) if cell.policy.adapter else nullcontext():
            cells[cell] = _cell(engine, state, cell, asked, cells)
        state.watch.cell(cells[cell])
    return cells


def _cell(
    engine: Engine,
    state: _State,
    cell: Cell,
    asked: Sequence[Question],
    cells: dict[Cell, Measured],
) -> Measured:
    plan = state.plan
    writer = RoundGenerator(engine, plan.options(cell), plan.resamples, plan.chunk, state.told)
    each = [question for question in asked for _ in range(plan.n_answers)]
    refined = cells.get(replace(cell, setting=Setting.REFINE))
    match cell.setting:
        case Setting.REFINE:
            chains = writer.chains(each, plan.rounds)
        case Setting.MAJORITY:
            sampling = replace(plan.sampling, temperature=plan.temperature)
            chains = majority(writer, each, plan.rounds, sampling)
        case Setting.SWAPPED:
            assert refined is not None, "a control comes after its refinement"
            chains = swapped(writer, each, refined)
        case Setting.THOUGHT_REMOVED:
            assert refined is not None, "a control comes after its refinement"
            chains = thought_removed(writer, each, refined)
    prompts = tuple(question.prompt for question in asked)
    first_round = plan.rounds - n_rounds_asked(cell.setting, plan.rounds)
    return Measured(cell, prompts, first_round, tuple(chains))


def _compare(
    state: _State, cells: dict[Cell, Measured], judge: Judge, kept: Iterable[Judged]
) -> list[Judged]:
    known = {one.match: one for one in kept if one.judge == judge.name}
    played = []
    for match in matches(state.plan):
        asked = state.asked[match.task, match.seed]
        first, second = match.first, match.second
        state.doing = (
            f"{judge.name} compares {first.version} round {first.round} with "
            f"{second.version} round {second.round} on {match.task}, seed {match.seed}"
        )
        found = known.get(match)
        if found is None or found.prompts != tuple(question.prompt for question in asked):
            found = play(match, cells, asked, judge, state.told)
            state.watch.match(found)
        else:
            state.told(len(asked))
        played.append(found)
    return played


def _check(engine: Engine, plan: Plan) -> None:
    """Raise `InputError` for what cannot be measured."""
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
