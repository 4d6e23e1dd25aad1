"""Draws the findings about versions: plots whose colours are tokens, so that both themes fit."""

from __future__ import annotations

from typing import Any

from ptrapp.services.leaderboard.findings import Finding, Point
from ptrapp.ui.charts import alt
from ptrapp.ui.plotting import bottom_legend, finish
from ptrapp.ui.versions_table import series

_HEIGHT = 240
_LEAST_SEEN = (40, 60)
"""Percent won that a forest shows at least: one point alone has no scale of its own."""
_MOST_NAMED = 6
"""Versions that have room for their names below a plot."""
_DASHES = [[1, 0], [5, 3], [2, 2], [8, 3, 2, 3]]


def accuracy_by_round(finding: Finding) -> alt.LayerChart:
    """A line a version over rounds, with Wilson's bands."""
    chart = _chart(finding)
    at = alt.X("round:O", title="round", axis=alt.Axis(labelAngle=0))
    colour, dash = _colour(finding.points), _dash(finding.points)
    band = chart.mark_area(opacity=0.13).encode(
        at, alt.Y("low:Q", title="percent right", scale=alt.Scale(zero=False)), y2="high:Q",
        color=colour,
    )  # fmt: skip
    line = chart.mark_line(point=True).encode(
        at, alt.Y("rate:Q", scale=alt.Scale(zero=False)), color=colour, strokeDash=dash,
        tooltip=_tooltip("round:O"),
    )  # fmt: skip
    return _finish(alt.layer(band, line), finding)


def fixed_and_broken(finding: Finding) -> alt.Chart:
    """Shares fixed to the right, broken to the left, a bar a version and round."""
    kinds = alt.Scale(domain=["fixed", "broken"], range=["var(--ok)", "var(--bad)"])
    bars = (
        _chart(finding)
        .transform_calculate(row="datum.version + ', round ' + datum.round")
        .mark_bar(opacity=0.85)
        .encode(
            alt.X(
                "share:Q", title="percent broken (left), fixed (right)",
                axis=alt.Axis(labelExpr="format(abs(datum.value), '~g')"),
            ),
            alt.Y("row:N", title=None, sort=None),
            color=alt.Color("kind:N", scale=kinds, legend=bottom_legend()),
            tooltip=["version:N", "round:O", "kind:N", "count:Q", "n:Q"],
        )
    )  # fmt: skip
    return _finish(bars, finding)


def forest(finding: Finding) -> alt.LayerChart:
    """A square and a bar a version; the line at 50, no difference, is never at the edge."""
    chart = _chart(finding)
    who = alt.Y("row:N", title=None, sort=None)
    named = chart.transform_calculate(row="datum.version + ', ' + datum.who")
    colour = _colour(finding.points, legend=False)
    low = min(_LEAST_SEEN[0], *(point["low"] for point in finding.points))
    high = max(_LEAST_SEEN[1], *(point["high"] for point in finding.points))
    scale = alt.Scale(domain=[low, high], nice=True)
    rate = alt.X("rate:Q", title="percent won against base", scale=scale)
    line = (
        alt.Chart(alt.Data(values=[{"half": 50}]))
        .mark_rule(color="var(--line-2)")
        .encode(alt.X("half:Q", scale=scale))
    )
    bars = named.mark_rule(strokeWidth=2).encode(
        alt.X("low:Q", title="percent won against base", scale=scale),
        who, x2="high:Q", color=colour,
    )  # fmt: skip
    squares = named.mark_square(size=90, opacity=1).encode(
        rate, who, color=colour, tooltip=_tooltip("who:N")
    )
    return _finish(alt.layer(line, bars, squares), finding)


def progress(finding: Finding) -> alt.LayerChart:
    """Win rates against base over versions, people's and the judge's side by side."""
    who = alt.Color(
        "who:N", legend=bottom_legend(),
        scale=alt.Scale(range=["var(--s3)", "var(--s2)", "var(--s1)", "var(--s4)"]),
    )  # fmt: skip
    return _over_versions(finding, "rate:Q", "percent won against base", who)


def lengths(finding: Finding) -> alt.LayerChart:
    """Mean tokens of thought and response over versions."""
    kind = alt.Color(
        "kind:N", legend=bottom_legend(),
        scale=alt.Scale(domain=["thought", "response"], range=["var(--s3)", "var(--s2)"]),
    )  # fmt: skip
    return _over_versions(finding, "tokens:Q", "tokens of the last round", kind)


def quality_by_votes(finding: Finding) -> alt.LayerChart:
    """The last round's accuracy by votes learnt."""
    chart = _chart(finding)
    votes = alt.X("votes:Q", title="votes learnt, ancestors' included")
    colour = alt.value("var(--s3)")
    rate = alt.Y("rate:Q", title="percent right, last round", scale=alt.Scale(zero=False))
    bars = chart.mark_rule().encode(votes, alt.Y("low:Q"), y2="high:Q", color=colour)
    line = chart.mark_line(point=True).encode(
        votes, rate, color=colour, tooltip=_tooltip("votes:Q")
    )
    return _finish(alt.layer(bars, line), finding)


def _over_versions(finding: Finding, value: str, title: str, colour: alt.Color) -> alt.LayerChart:
    chart = _chart(finding)
    named = len({point["version"] for point in finding.points}) <= _MOST_NAMED
    axis = alt.Axis(
        labels=named, ticks=named, labelAngle=0, labelLimit=96, labelOverlap="greedy",
        labelSeparation=6,
    )  # fmt: skip
    step = alt.X(
        "version:N" if named else "step:O", sort=None, title="versions, oldest first", axis=axis
    )
    shown = alt.Y(value, title=title, scale=alt.Scale(zero=False))
    bars = chart.mark_rule(opacity=0.6).encode(
        step, alt.Y("low:Q", title=title), y2="high:Q", color=colour
    )
    ends = [alt.Tooltip(one, format=".1f") for one in (value, "low:Q", "high:Q")]
    line = chart.mark_line(point=True).encode(
        step, shown, color=colour, tooltip=["version:N", *ends, "n:Q"]
    )
    return _finish(alt.layer(bars, line), finding)


def _chart(finding: Finding) -> alt.Chart:
    return alt.Chart(alt.Data(values=finding.points))


def _colour(points: list[Point], *, legend: bool = True) -> alt.Color:
    """Returns each version's own colour."""
    ids = {point["version"]: point["id"] for point in points}
    scale = alt.Scale(domain=list(ids), range=[f"var(--s{series(one)})" for one in ids.values()])
    return alt.Color("version:N", scale=scale, legend=bottom_legend() if legend else None)


def _dash(points: list[Point]) -> alt.StrokeDash:
    """Returns each version's own dash, by which versions of one colour are told apart."""
    ids = {point["version"]: point["id"] for point in points}
    dashes = [_DASHES[(one - 1) // 4 % len(_DASHES)] if one else _DASHES[0] for one in ids.values()]
    scale = alt.Scale(domain=list(ids), range=dashes)
    return alt.StrokeDash("version:N", scale=scale, legend=bottom_legend())  # one with the colours'


def _tooltip(name: str) -> list[Any]:
    figures = [alt.Tooltip(f"{one}:Q", format=".1f") for one in ("rate", "low", "high")]
    return ["version:N", name, *figures, "n:Q"]


def _finish(chart: Any, finding: Finding) -> Any:
    return finish(chart, f"{finding.heading}. {finding.sentence}", _HEIGHT)
