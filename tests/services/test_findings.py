"""A finding's heading says no more than its interval does, and that there is not enough data."""

import pytest

from ptrapp.analysis.estimates import Estimate
from ptrapp.analysis.intervals import Interval, wilson
from ptrapp.services.leaderboard import findings
from ptrapp.services.leaderboard.findings import NOT_ENOUGH
from ptrapp.services.leaderboard.rows import RoundFigures, VersionRow
from ptrapp.services.leaderboard.win_rates import VersionWinRate


def a_round(
    at: int, n_correct: int, *, n: int = 200, fixed: int | None = None, broken: int | None = None,
    thought: float = 20.0,
) -> RoundFigures:  # fmt: skip
    length = Estimate(n, thought, Interval(thought - 1, thought + 1))
    return RoundFigures(
        at, n, n_correct, n_correct / n, wilson(n_correct, n), length, length, fixed, broken
    )


def a_version(
    id_: int | None, rounds: list[RoundFigures], *wins: VersionWinRate, status: str = "retired"
) -> VersionRow:
    return VersionRow(
        id=id_, name=f"v{id_}" if id_ else "base", title="", note="", parent="base", method="DPO",
        trained_on="", status=status, gate="", verdict="", rounds=tuple(rounds), job_id=1,
        against_base=wins, against_parent=(), created_at=None,
    )  # fmt: skip


def wins(low: float, value: float, high: float, who: str = "verifier") -> VersionWinRate:
    return VersionWinRate(who, 100, value, low, high)


@pytest.mark.parametrize(
    ("after", "heading"),
    [
        (160, "Thinking again helps v1"),
        (105, "No clear gain from thinking again by v1"),
        (60, "Thinking again makes v1 worse"),
    ],
)
def test_thinking_again_helps_only_beyond_the_interval(after: int, heading: str) -> None:
    rows = [a_version(1, [a_round(1, 100), a_round(3, after)], status="active"),
            a_version(2, [a_round(1, 10), a_round(3, 200)])]  # fmt: skip
    found = findings.accuracy_by_round(rows)
    assert found.heading == heading
    assert "n = 200" in found.sentence
    assert [point["version"] for point in found.points] == ["v1", "v1", "v2", "v2"]


def test_rounds_are_compared_on_the_same_problems() -> None:
    """18 more of 400 right, 20 fixed and 2 broken on the way: two samples would not tell."""
    rounds = [a_round(1, 254, n=400), a_round(2, 268, n=400, fixed=15, broken=1),
              a_round(3, 272, n=400, fixed=5, broken=1)]  # fmt: skip
    found = findings.accuracy_by_round([a_version(1, rounds, status="active")])
    assert found.heading == "Thinking again helps v1"
    assert "+4.5 points (95 % +2.2 to +6.8)" in found.sentence


@pytest.mark.parametrize(
    ("fixed", "broken", "heading"),
    [
        (40, 10, "Rounds of v1 fix more than they break"),
        (12, 10, "Rounds of v1 fix no clear surplus"),
        (10, 40, "Rounds of v1 break more than they fix"),
        (5, 0, "Do rounds fix more than they break?"),
    ],
)
def test_fixed_and_broken_are_weighed(fixed: int, broken: int, heading: str) -> None:
    rows = [a_version(1, [a_round(1, 100), a_round(2, 100, fixed=fixed, broken=broken)])]
    found = findings.fixed_and_broken(rows)
    assert found.heading == heading
    assert [(point["count"], point["share"]) for point in found.points] == [
        (fixed, fixed / 2), (broken, -broken / 2),
    ]  # fmt: skip


def test_a_bar_across_one_half_has_not_won() -> None:
    rows = [a_version(1, [], wins(0.45, 0.6, 0.7)), a_version(2, [], wins(0.51, 0.6, 0.7))]
    found = findings.win_rate_forest(rows)
    assert found.heading == "1 of 2 wins against base"
    assert [point["low"] for point in found.points] == [45.0, 51.0]
    drawn = findings.win_rate_forest(rows[1:], rows)
    assert drawn.heading == "1 of 2 wins against base", "one that is not drawn counts, too"
    assert drawn.sentence.endswith("Drawn are 1 of 2 versions.")


@pytest.mark.parametrize(
    ("last", "heading"),
    [
        (wins(0.55, 0.6, 0.65), "The newest, v3, wins against base"),
        (wins(0.45, 0.52, 0.6), "No clear progress: v3 neither wins nor loses"),
        (wins(0.3, 0.4, 0.49), "The newest, v3, loses against base"),
    ],
)
def test_progress_is_that_of_the_newest(last: VersionWinRate, heading: str) -> None:
    rows = [a_version(3, [], last), a_version(1, [], wins(0.9, 0.9, 0.9, "people"))]
    assert findings.progress(rows).heading == "Do newer versions win more?"
    rows.append(a_version(2, [], wins(0.9, 0.9, 0.9)))
    found = findings.progress(rows)
    assert found.heading == heading
    assert [(point["version"], point["who"]) for point in found.points] == [
        ("v1", "people"), ("v2", "judge verifier"), ("v3", "judge verifier"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tokens", "heading"),
    [(30.0, "Thoughts have grown"), (21.0, "No clear change of lengths"),
     (10.0, "Thoughts have become shorter")],
)  # fmt: skip
def test_lengths_have_changed_only_where_intervals_are_apart(tokens: float, heading: str) -> None:
    rows = [a_version(1, [a_round(1, 9, thought=tokens)]), a_version(None, [a_round(1, 9)])]
    assert findings.lengths(rows).heading == heading
    assert findings.lengths(rows[:1]).heading == "Do thoughts and responses grow?"


@pytest.mark.parametrize(
    ("right", "heading"),
    [
        (180, "With more votes it got better"),
        (105, "No clear gain from more votes"),
        (50, "With more votes it got worse"),
    ],
)
def test_votes_have_paid_only_beyond_the_interval(right: int, heading: str) -> None:
    rows = [a_version(1, [a_round(1, 100)]), a_version(2, [a_round(1, 100)]),
            a_version(3, [a_round(1, right)]), a_version(None, [a_round(1, 0)])]  # fmt: skip
    learnt = {1: 10, 2: 50, 3: 90}
    found = findings.quality_by_votes(rows, learnt)
    assert found.heading == heading
    assert [point["votes"] for point in found.points] == [10, 50, 90]
    few = findings.quality_by_votes(rows[1:], learnt)
    assert few.heading == "Do more votes pay?"
    assert few.sentence == f"{NOT_ENOUGH}: needs 3 measured versions trained on votes, has 2."
    inherited = findings.quality_by_votes(rows, {1: 10, 2: 10, 3: 10})
    assert inherited.points == []
    assert "3 different numbers of votes" in inherited.sentence


def test_without_measures_every_finding_says_so() -> None:
    rows = [a_version(1, []), a_version(None, [])]
    for find in (findings.accuracy_by_round, findings.fixed_and_broken, findings.win_rate_forest,
                 findings.progress, findings.lengths):  # fmt: skip
        found = find(rows)
        assert found.heading.endswith("?"), "what the plot will say"
        assert found.points == []
        assert found.sentence.startswith(f"{NOT_ENOUGH}: ")
        assert found.sentence.endswith(".")
