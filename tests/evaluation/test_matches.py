"""Versions against each other: who is compared, what counts without a verdict, length control."""

from pathlib import Path

import pytest
from evaluation_world import SUMS, number, scripted

from ptrapp.core.errors import JudgeError
from ptrapp.core.types import Choice
from ptrapp.engines.base import Request
from ptrapp.evaluation.matches import MatchResult
from ptrapp.evaluation.plan import Plan
from ptrapp.evaluation.report import Callbacks, EarlierResults
from ptrapp.evaluation.run import evaluate
from ptrapp.judges.base import Verdict


class Lengthy:
    """Prefers the longer response, and has no verdict on some questions."""

    name = "lengthy"

    def __init__(self, unscored: tuple[str, ...] = ()) -> None:
        self.n_asked = 0
        self._unscored = unscored

    def compare(
        self, question: str, reference_answer: str | None, left: str, right: str
    ) -> Verdict:
        self.n_asked += 1
        if question in self._unscored:
            raise JudgeError("It gave no verdict.")
        if len(left) == len(right):
            return Verdict(Choice.TIE, "Equally long.")
        return Verdict(Choice.LEFT if len(left) > len(right) else Choice.RIGHT, "Longer.")


def wordy(request: Request) -> str:
    """The version `wordy` writes more, but for every fourth problem, where it writes less."""
    n = number(request)
    if request.policy.adapter == "wordy":
        return "<R> No." if n % 4 == 0 else f"<R> I am quite sure that the answer is {n + 1}."
    return f"<R> The answer is {n + 1}."


def plan(**changes: object) -> Plan:
    return Plan(("base", "wordy"), rounds=1, tasks=(SUMS,), n=20, **changes)  # type: ignore[arg-type]


def test_what_length_alone_won_is_taken_back(tmp_path: Path) -> None:
    report = evaluate(scripted(tmp_path, "wordy", script=wordy), plan(), judge=Lengthy())

    (row,) = report.win_rates
    assert row.win_rate == 0.75
    assert row.controlled_win_rate == pytest.approx(0.5, abs=0.15)


def test_of_several_samples_the_first_of_each_problem_is_compared(tmp_path: Path) -> None:
    judge = Lengthy()
    engine = scripted(tmp_path, "wordy", script=wordy)

    report = evaluate(engine, plan(n_samples=3), judge=judge)

    assert judge.n_asked == report.win_rates[0].n == 20
    assert report.win_rates[0].win_rate == 0.75


def test_a_missing_verdict_is_neither_a_win_nor_a_tie(tmp_path: Path) -> None:
    engine = scripted(tmp_path, "wordy", script=wordy)
    unscored = tuple(one.prompt for one in SUMS.questions if int(one.prompt.split()[2]) % 4 == 0)

    (row,) = evaluate(engine, plan(), judge=Lengthy(unscored)).win_rates
    assert (row.n, row.n_unscored, row.win_rate) == (15, 5, 1.0)

    everything = tuple(one.prompt for one in SUMS.questions)
    (row,) = evaluate(engine, plan(), judge=Lengthy(everything)).win_rates
    assert (row.n, row.win_rate, row.low, row.controlled_win_rate) == (0, None, None, None)


def test_an_earlier_match_is_not_judged_again_unless_by_another_judge(tmp_path: Path) -> None:
    results: list[MatchResult] = []
    engine = scripted(tmp_path, "wordy", script=wordy)
    whole = evaluate(engine, plan(), judge=Lengthy(), callbacks=Callbacks(match=results.append))
    read = [MatchResult.from_json(one.as_json()) for one in results]

    again, other = Lengthy(), Lengthy()
    other.name = "other"
    resumed = evaluate(engine, plan(), judge=again, earlier=EarlierResults((), read))
    evaluate(engine, plan(), judge=other, earlier=EarlierResults((), read))

    assert resumed.win_rates == whole.win_rates
    assert (again.n_asked, other.n_asked) == (0, 20)
