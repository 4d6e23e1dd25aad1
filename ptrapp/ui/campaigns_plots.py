"""Draws a campaign: what is left by day, who agrees with whom, what changes over time."""

from datetime import date
from typing import Any

from ptrapp.analysis.drift import DriftPart
from ptrapp.services.labelling.agreement import AgreementReport
from ptrapp.services.labelling.overview import Overview
from ptrapp.ui.charts import alt
from ptrapp.ui.plotting import bottom_legend, finish

_HEIGHT = 240
_N_TICKS = 7
"""Most days that an axis names."""
_MEASURES = {"agreement": "as the others", "gold": "gold right", "left": "left side"}
_INKS = ("var(--s3)", "var(--s1)", "var(--s2)")


def burn_down(view: Overview, words: str) -> Any:
    """Labels left by day, with the way to the deadline; None before the first label."""
    if not view.days:
        return None
    points = [
        {"day": _midnight(at.day), "left": at.left, "done": at.done}
        for at in view.days
        if at.done or at in (view.days[0], view.days[-1])  # else the step goes on as it was
    ]
    day = alt.X("day:T", title=None, axis=_days(len(view.days)))
    left = alt.Y("left:Q", title="labels left", scale=alt.Scale(domainMin=0))
    chart = alt.Chart(alt.Data(values=points))
    area = chart.mark_area(opacity=0.13, interpolate="step-after").encode(
        day, left, color=alt.value("var(--s3)")
    )
    line = chart.mark_line(interpolate="step-after", point=True).encode(
        day, left, color=alt.value("var(--s3)"), tooltip=["day:T", "left:Q", "done:Q"]
    )
    layers = [area, line]
    if view.deadline:
        due = alt.Chart(alt.Data(values=[{"day": _midnight(view.deadline)}]))
        layers.append(
            due.mark_rule(strokeDash=[5, 3]).encode(
                day, color=alt.value("var(--bad)"), tooltip=[alt.Tooltip("day:T", title="deadline")]
            )
        )
    return finish(alt.layer(*layers), f"Labels left by day. {words}", _HEIGHT)


def _midnight(day: date) -> str:
    """Returns the begin of a day where the reader is: a day alone is drawn as midnight in UTC,
    which west of it is the evening before."""
    return f"{day:%Y-%m-%dT00:00}"


def _days(n: int) -> Any:
    """Returns an axis that names whole days, at most so many."""
    every = -(-n // _N_TICKS)
    return alt.Axis(format="%d %b", tickCount=alt.TimeIntervalStep(interval="day", step=every))


def heat_map(report: AgreementReport) -> Any:
    """Cohen's κ of every two raters who share comparisons; None where no two do."""
    points = []
    for one in report.kappas:
        value = one.kappa.value
        said = "–" if value is None else f"{value:z.2f}".replace("-", "−")
        interval = one.kappa.interval
        for first, second in ((one.first, one.second), (one.second, one.first)):
            points.append(
                {
                    "first": first,
                    "second": second,
                    "kappa": value,
                    "said": said,
                    "low": interval.low if interval else None,
                    "high": interval.high if interval else None,
                    "n": one.kappa.n,
                }
            )
    if not points:
        return None
    names = [one.name for one in report.raters if any(one.name == at["first"] for at in points)]
    chart = alt.Chart(alt.Data(values=points)).encode(
        alt.X("first:N", title=None, sort=names, axis=alt.Axis(labelAngle=-30)),
        alt.Y("second:N", title=None, sort=names),
    )
    shade = alt.condition("isValid(datum.kappa)", alt.value("var(--s3)"), alt.value("var(--sunk)"))
    strength = alt.Opacity(
        "kappa:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 0.45], clamp=True), legend=None
    )
    cells = chart.mark_rect().encode(
        color=shade,
        opacity=strength,
        tooltip=["first:N", "second:N", *(f"{one}:Q" for one in ("kappa", "low", "high", "n"))],
    )
    text = chart.mark_text(fontSize=12).encode(text="said:N", color=alt.value("var(--ink)"))
    height = min(600, max(120, 34 * len(names)))
    return finish(alt.layer(cells, text), "Cohen's κ of every two raters.", height)


def over_time(parts: list[DriftPart], words: str) -> Any:
    """Each measure by part of the labels, with Wilson's intervals; None where nothing is known."""
    points = []
    for part in parts:
        for name, said in _MEASURES.items():
            one = getattr(part, name)
            if one.value is not None:
                low, high = one.interval
                points.append(
                    {
                        "at": part.last,
                        "labels": f"{part.first} to {part.last}",
                        "measure": said,
                        "rate": 100 * one.value,
                        "low": 100 * low,
                        "high": 100 * high,
                        "n": one.n,
                    }
                )
    if not points:
        return None
    drawn = {one["measure"] for one in points}
    known = {
        name: ink for name, ink in zip(_MEASURES.values(), _INKS, strict=True) if name in drawn
    }
    colour = alt.Color(
        "measure:N",
        legend=bottom_legend(),
        scale=alt.Scale(domain=list(known), range=list(known.values())),
    )
    at = alt.X("at:Q", title="labels, oldest first")
    chart = alt.Chart(alt.Data(values=points))
    scale = alt.Scale(domain=[0, 100])
    bars = chart.mark_rule(opacity=0.5).encode(
        at, alt.Y("low:Q", title="percent", scale=scale), y2="high:Q", color=colour
    )
    line = chart.mark_line(point=True).encode(
        at,
        alt.Y("rate:Q", title="percent", scale=scale),
        color=colour,
        tooltip=["labels:N", "measure:N", *(f"{one}:Q" for one in ("rate", "low", "high", "n"))],
    )
    return finish(alt.layer(bars, line), words, _HEIGHT)
