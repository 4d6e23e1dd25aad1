"""An evaluation that has so many seconds, and answers that are there already."""

import time
from pathlib import Path

import pytest
from evaluation_world import SUMS, answer, number, scripted

from ptrapp.engines.base import Request
from ptrapp.evaluation.answers import CellResult
from ptrapp.evaluation.plan import Plan, Setting
from ptrapp.evaluation.report import Callbacks, EarlierResults, Progress
from ptrapp.evaluation.run import evaluate


class Clock:
    """A clock that goes on by a second with each answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def answer(self, request: Request) -> str:
        self.now += 1
        return answer(request)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def plan(limit_s: float | None, chunk: int = 4, **changes: object) -> Plan:
    return Plan(("fixer",), rounds=2, tasks=(SUMS,), n=20, chunk=chunk, limit_s=limit_s, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit_s", "n_measured"),
    [(0.5, 4), (15, 4), (31, 4), (32, 8), (50, 12), (80, 20), (None, 20)],
)
def test_versions_have_the_problems_for_which_there_is_time_and_all_the_same(
    tmp_path: Path, clock: Clock, limit_s: float | None, n_measured: int
) -> None:
    """A block of 4 problems takes 16 s: two versions, two rounds."""
    seen: list[Progress] = []
    whole: list[CellResult] = []
    engine = scripted(tmp_path, "fixer", script=clock.answer)
    report = evaluate(
        engine, plan(limit_s), callbacks=Callbacks(progress=seen.append, cell=whole.append)
    )

    assert {row.n for row in report.table} == {n_measured}
    assert report.n_left_out == 20 - n_measured
    assert report.share_done == n_measured / 20
    assert {(row.round, row.n_correct) for row in report.table if row.version == "fixer"} == {
        (1, n_measured // 2),
        (2, n_measured),
    }
    assert len(engine.requests) == n_measured * 2 * 2
    assert [one.cell.version for one in whole] == ["base", "fixer"]
    assert {len(one.chains) for one in whole} == {n_measured}
    assert seen[-1].n_done == n_measured * 2 * 2
    if limit_s is not None:
        lefts = [one.limit_left_s for one in seen]
        assert lefts == sorted(lefts, reverse=True)  # type: ignore[type-var]


def test_controls_of_a_block_are_of_its_own_problems(tmp_path: Path, clock: Clock) -> None:
    engine = scripted(tmp_path, "fixer", script=clock.answer)
    whole: list[CellResult] = []
    evaluate(engine, plan(10_000, controls=True), callbacks=Callbacks(cell=whole.append))

    assert {one.cell.setting for one in whole} == set(Setting)
    shown = [
        (number(request), request.messages[1].content)
        for request in engine.requests
        if len(request.messages) > 1
    ]
    assert len(shown) == 20 + 3 * 20, "base, refined, swapped and without thoughts"
    for one in whole:
        assert one.prompts == tuple(question.prompt for question in SUMS.draw(20, 0))


def test_parts_of_an_interrupted_run_are_gone_on_from(tmp_path: Path, clock: Clock) -> None:
    parts: list[CellResult] = []

    def stop(one: CellResult) -> None:
        parts.append(CellResult.from_json(one.as_json()))
        if len(parts) == 5:
            raise KeyboardInterrupt

    first = scripted(tmp_path, "fixer", script=clock.answer)
    with pytest.raises(KeyboardInterrupt):
        evaluate(first, plan(10_000), callbacks=Callbacks(part=stop))
    second = scripted(tmp_path, "fixer", script=clock.answer)
    resumed = evaluate(second, plan(10_000), earlier=EarlierResults(parts))

    calm = evaluate(scripted(tmp_path, "fixer"), plan(None))
    assert resumed.table == calm.table
    assert len(first.requests) == 5 * 4 * 2
    assert len(first.requests) + len(second.requests) == 2 * 20 * 2


@pytest.mark.parametrize("n_known", [20, 12, 6])
def test_a_cell_that_has_some_of_the_answers_gives_those(tmp_path: Path, n_known: int) -> None:
    """Known are the first problems of the same draw: whole blocks of them are not asked again."""
    whole: list[CellResult] = []
    calm = evaluate(scripted(tmp_path, "fixer"), plan(None), callbacks=Callbacks(cell=whole.append))
    (base,) = (one for one in whole if one.cell.version == "base")
    known = base.on(base.prompts[:n_known])
    assert known is not None

    engine = scripted(tmp_path, "fixer")
    found = evaluate(engine, plan(10_000), earlier=EarlierResults([known]))

    assert found.table == calm.table
    asked = [request for request in engine.requests if not request.policy.adapter]
    assert len(asked) == 2 * (20 - n_known // 4 * 4)
    assert found.share_done == 1 - n_known // 4 * 4 / 40


def test_answers_to_other_problems_are_not_answers_to_these() -> None:
    cell = next(iter(plan(None).cells()))
    one = CellResult(cell, ("a", "b", "c", "d"), 0, ((), (), (), ()))

    found = one.on(("b", "c"))

    assert found is not None
    assert found.prompts == ("b", "c")
    assert one.on(("b", "d")) is None
    assert one.on(("e",)) is None
    assert one.on(("d", "e")) is None
