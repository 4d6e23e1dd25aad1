"""Findings about versions: a sentence written from the data, with its n and interval.

A heading says "better", "more" or "helps" only where the whole interval is on that side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ptrapp.analysis.intervals import Interval, wilson
from ptrapp.analysis.paired import difference_of_rates, difference_of_rounds
from ptrapp.core.counts import counted
from ptrapp.services.leaderboard.rows import RoundFigures, VersionRow
from ptrapp.services.leaderboard.win_rates import MIN_PROMPTS
from ptrapp.services.leaderboard.wording import NOT_ENOUGH, by_interval, signed

_MIN_CHANGED = 10
"""Fewer answers fixed or broken say nothing about which there are more of."""
_MIN_POINTS = 3
"""Fewer versions are no curve."""
_NO_ROUNDS = "no version was measured over more than one round."
Point = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one plot shows: its heading, its sentence and its points."""

    heading: str
    sentence: str
    points: list[Point] = field(default_factory=list)
    """Empty where there is not enough data to draw."""


def _unknown(question: str, why: str, points: Sequence[Point] = ()) -> Finding:
    """Returns what is shown where a plot's question has no answer yet."""
    return Finding(question, f"{NOT_ENOUGH}: {why}", list(points))


def accuracy_by_round(rows: Sequence[VersionRow]) -> Finding:
    """Does thinking again help? Every version's rate by round, with Wilson's bands."""
    measured = [row for row in rows if len(row.rounds) > 1]
    if not measured:
        return _unknown("Does thinking again help?", _NO_ROUNDS)
    row = next((one for one in measured if one.serves), measured[0])
    first, last = row.rounds[0], row.rounds[-1]
    gain, interval = _gain(row.rounds)
    heading = by_interval(
        interval,
        f"Thinking again helps {row.name}",
        f"Thinking again makes {row.name} worse",
        f"No clear gain from thinking again by {row.name}",
    )
    sentence = (
        f"From round {first.round} to {last.round} {row.name} gains {signed(gain)} points "
        f"(95 % {signed(interval.low)} to {signed(interval.high)}), n = {last.n}. "
        "Bands: Wilson, 95 %."
    )
    points = [
        {
            **_names(one),
            "round": at.round,
            "rate": 100 * at.rate,
            "low": 100 * at.interval.low,
            "high": 100 * at.interval.high,
            "n": at.n,
        }
        for one in measured
        for at in one.rounds
    ]
    return Finding(heading, sentence, points)


def _gain(rounds: Sequence[RoundFigures]) -> tuple[float, Interval]:
    """Returns the last round's rate minus the first one's: on the same problems, if all were."""
    first, last = rounds[0], rounds[-1]
    later = rounds[1:]
    if any(at.n != first.n or at.fixed is None or at.broken is None for at in later):
        return difference_of_rates(last.n_correct, last.n, first.n_correct, first.n)
    changed = _sum(later, "fixed") + _sum(later, "broken")
    found = difference_of_rounds(first.n, first.n_correct, last.n_correct, changed)
    return found.value, found.interval


def fixed_and_broken(rows: Sequence[VersionRow]) -> Finding:
    """Do later rounds repair more than they spoil?"""
    changed = [row for row in rows if any(at.fixed is not None for at in row.rounds)]
    row = next((one for one in changed if one.serves), changed[0] if changed else None)
    if row is None:
        return _unknown("Do rounds fix more than they break?", _NO_ROUNDS)
    fixed, broken = _sum(row.rounds, "fixed"), _sum(row.rounds, "broken")
    n = fixed + broken
    points = [
        {
            **_names(one),
            "round": at.round,
            "kind": kind,
            "count": value,
            "share": 100 * sign * value / at.n,
            "n": at.n,
        }
        for one in changed
        for at in one.rounds
        for kind, value, sign in (("fixed", at.fixed, 1), ("broken", at.broken, -1))
        if value is not None
    ]
    counts = f"{row.name}: {fixed} fixed, {broken} broken by later rounds"
    if n < _MIN_CHANGED:
        few = f"{counts}; {_MIN_CHANGED} changed answers are needed to say which are more."
        return _unknown("Do rounds fix more than they break?", few, points)
    low, high = wilson(fixed, n)
    heading = by_interval(
        Interval(low - 0.5, high - 0.5),
        f"Rounds of {row.name} fix more than they break",
        f"Rounds of {row.name} break more than they fix",
        f"Rounds of {row.name} fix no clear surplus",
    )
    share = f"fixed are {100 * fixed / n:.0f} % of them (95 % {100 * low:.0f} to {100 * high:.0f})"
    return Finding(heading, f"{counts}; {share}, n = {n}.", points)


def win_rate_forest(rows: Sequence[VersionRow], of: Sequence[VersionRow] | None = None) -> Finding:
    """Who wins against the base model, by people or, without their votes, by the judge?

    `rows` are those that are drawn, of all those whose wins are counted.
    """
    of = rows if of is None else of
    points = []
    for row in rows:
        for one in row.against_base:
            shown = {"rate": one.value, "low": one.low, "high": one.high}
            percent = {name: 100 * value for name, value in shown.items()}
            points.append({**_names(row), **percent, "n": one.n, "who": one.who})
    if not points:
        return _unknown(
            "Who wins against base?",
            f"no version was compared with base; a judge in an evaluation does it, or people's "
            f"votes on {MIN_PROMPTS} prompts that both answered.",
        )
    compared_to_base = [one for row in of for one in row.against_base]
    n_won = sum(one.low > 0.5 for one in compared_to_base)
    n = sorted({int(point["n"]) for point in points})
    what = "vote" if {point["who"] for point in points} == {"people"} else "comparison"
    several = f"{n[0]:,} to {counted(n[-1], what)} each"
    compared = counted(n[0], what) if len(n) == 1 else several
    n_drawn = len({point["version"] for point in points})
    n_compared = sum(bool(row.against_base) for row in of)
    missing = f" Drawn are {n_drawn} of {n_compared} versions." if n_drawn < n_compared else ""
    return Finding(
        f"{n_won} of {len(compared_to_base)} {'wins' if n_won == 1 else 'win'} against base",
        f"{compared}, 95 % by drawing prompts anew. A bar across 50 has not won.{missing}",
        points,
    )


def progress(rows: Sequence[VersionRow]) -> Finding:
    """Do newer versions win more against base? The judge's and people's side by side."""
    ordered = _oldest_first(rows)
    points = [
        {
            **_names(row),
            "step": step,
            "rate": 100 * one.value,
            "low": 100 * one.low,
            "high": 100 * one.high,
            "n": one.n,
            "who": one.who if one.who == "people" else f"judge {one.who}",
        }
        for step, row in enumerate(ordered, 1)
        for one in row.against_base
    ]
    n_versions = len({point["version"] for point in points})
    if n_versions < _MIN_POINTS:
        return _unknown(
            "Do newer versions win more?",
            f"needs {_MIN_POINTS} versions compared with base, has {n_versions}.",
        )
    last = points[-1]
    heading = by_interval(
        Interval(last["low"] - 50, last["high"] - 50),
        f"The newest, {last['version']}, wins against base",
        f"The newest, {last['version']}, loses against base",
        f"No clear progress: {last['version']} neither wins nor loses",
    )
    sentence = (
        f"By {last['who']} {last['rate']:.1f} % (95 % {last['low']:.1f} to {last['high']:.1f}), "
        f"n = {last['n']}."
    )
    return Finding(heading, sentence, points)


def lengths(rows: Sequence[VersionRow]) -> Finding:
    """Do thoughts and responses grow? Mean tokens of the last round, oldest version first."""
    ordered = [row for row in _oldest_first(rows) if row.last is not None]
    points: list[Point] = []
    for step, row in enumerate(ordered):
        assert row.last is not None
        for kind, one in (("thought", row.last.thought), ("response", row.last.response)):
            if one.value is not None and one.interval is not None:
                ends = {"low": one.interval.low, "high": one.interval.high}
                mean = {"tokens": one.value, **ends, "n": one.n}
                points.append({**_names(row), "step": step, "kind": kind, **mean})
    thoughts = [point for point in points if point["kind"] == "thought"]
    if len(thoughts) < 2:
        return _unknown(
            "Do thoughts and responses grow?",
            f"{len(thoughts)} of 2 versions have measured lengths.",
        )
    first, last = thoughts[0], thoughts[-1]
    apart = Interval(last["low"] - first["high"], last["high"] - first["low"])
    heading = by_interval(
        apart, "Thoughts have grown", "Thoughts have become shorter", "No clear change of lengths"
    )
    sentence = (
        f"Thought of the last round: {first['version']} {_tokens(first)}, {last['version']} "
        f"{_tokens(last)} tokens. Bars: the mean's 95 % interval."
    )
    return Finding(heading, sentence, points)


def quality_by_votes(rows: Sequence[VersionRow], votes: dict[int | None, int]) -> Finding:
    """Do more votes pay? The last round's rate by votes learnt, those of ancestors included."""
    learnt = [row for row in rows if votes.get(row.id) and row.last is not None]
    if len(learnt) < _MIN_POINTS:
        return _unknown(
            "Do more votes pay?",
            f"needs {_MIN_POINTS} measured versions trained on votes, has {len(learnt)}.",
        )
    if len({votes[row.id] for row in learnt}) < _MIN_POINTS:
        return _unknown(
            "Do more votes pay?",
            f"needs versions trained on {_MIN_POINTS} different numbers of votes.",
        )
    ordered = sorted(learnt, key=lambda row: votes[row.id])
    few, many = ordered[0], ordered[-1]
    assert few.last is not None
    assert many.last is not None
    value, interval = difference_of_rates(
        many.last.n_correct, many.last.n, few.last.n_correct, few.last.n
    )
    heading = by_interval(
        interval,
        "With more votes it got better",
        "With more votes it got worse",
        "No clear gain from more votes",
    )
    sentence = (
        f"From {votes[few.id]} to {votes[many.id]} votes {signed(value)} points "
        f"(95 % {signed(interval.low)} to {signed(interval.high)}), n = {many.last.n} problems."
    )
    points = [
        {
            **_names(row),
            "votes": votes[row.id],
            "rate": 100 * row.last.rate,
            "low": 100 * row.last.interval.low,
            "high": 100 * row.last.interval.high,
            "n": row.last.n,
        }
        for row in ordered
        if row.last is not None
    ]
    return Finding(heading, sentence, points)


def _oldest_first(rows: Sequence[VersionRow]) -> list[VersionRow]:
    return sorted(rows, key=lambda row: row.id or 0)


def _names(row: VersionRow) -> Point:
    return {"version": row.name, "id": row.id or 0}


def _sum(rounds: Sequence[RoundFigures], name: str) -> int:
    return sum(getattr(at, name) or 0 for at in rounds)


def _tokens(point: Point) -> str:
    return f"{point['tokens']:.0f} ({point['low']:.0f} to {point['high']:.0f}), n = {point['n']}"
