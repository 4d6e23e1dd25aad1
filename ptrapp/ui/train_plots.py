"""Draws a job's curves over those of the last comparable job."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ptrapp.services.training.job import ComparedJob
from ptrapp.ui.charts import alt
from ptrapp.ui.plotting import bottom_legend, finish

_HEIGHT = 180
_N_POINTS = 300
"""Points of a line at most: more cannot be told apart at this width."""
_N_TICKS = 6
Points = list[tuple[int, float]]


class Plot(NamedTuple):
    """One plot: its heading, and the metrics in it with the name of each line."""

    heading: str
    unit: str
    metrics: tuple[tuple[str, str], ...]
    scale: float = 1.0


PLOTS = (
    Plot("Loss", "loss", (("loss", "trained on"), ("eval_loss", "held out"))),
    Plot(
        "Reward margin", "margin",
        (("rewards/margins", "trained on"), ("eval_rewards/margins", "held out")),
    ),
    Plot(
        "Pairs ranked right", "percent",
        (("rewards/accuracies", "trained on"), ("eval_rewards/accuracies", "held out")), 100.0,
    ),
    Plot("Log-probabilities", "nats", (("logps/chosen", "chosen"), ("logps/rejected", "rejected"))),
    Plot("Length of held-out responses", "characters", (("lengths", "mean of the responses"),)),
)  # fmt: skip


def latest(plot: Plot, curves: Mapping[str, Points]) -> str:
    """Returns the plot's newest value, as it stands beside its heading."""
    points = curves.get(plot.metrics[0][0])
    return f"{points[-1][1] * plot.scale:.3g}" if points else ""


def draw(plot: Plot, curves: Mapping[str, Points], compared: ComparedJob | None) -> Any:
    """Returns the plot, or None where the job has no point of it."""
    if not any(curves.get(metric) for metric, _ in plot.metrics):
        return None
    sources = [("this job", curves)]
    if compared is not None and any(compared.curves.get(metric) for metric, _ in plot.metrics):
        sources.append((compared.name, compared.curves))
    rows = [
        {"step": step, "value": value * plot.scale, "job": whose, "line": line}
        for whose, points in sources
        for metric, line in plot.metrics
        for step, value in _thinned(points.get(metric, []))
    ]
    lines = [line for metric, line in plot.metrics if any(metric in one for _, one in sources)]
    jobs = [name for name, _ in sources]
    points = (
        alt.Chart(alt.Data(values=rows))
        .mark_point(filled=True, size=30)
        .encode(
            alt.X("step:Q", title="step", axis=alt.Axis(values=_ticks(rows), format="d")),
            alt.Y("value:Q", title=plot.unit, scale=alt.Scale(zero=False), axis=_figures(rows)),
            color=alt.Color(
                "job:N", legend=bottom_legend() if len(jobs) > 1 else None,
                scale=alt.Scale(domain=jobs, range=["var(--s3)", "var(--s0)"][: len(jobs)]),
            ),
            opacity=alt.condition(f"datum.job == '{jobs[0]}'", alt.value(1), alt.value(0.7)),
            tooltip=["job:N", "line:N", "step:Q", alt.Tooltip("value:Q", format=".4g")],
        )
    )  # fmt: skip
    dashes = alt.StrokeDash(
        "line:N",
        legend=bottom_legend(dashes=True) if len(lines) > 1 else None,
        scale=alt.Scale(domain=lines, range=[[1, 0], [5, 3]][: len(lines)]),
    )
    # Layers: in one mark with points, a legend of dashes has no colour to be drawn in.
    shown = [points] if len(rows) < 8 * len(sources) else []
    chart = alt.layer(points.mark_line().encode(strokeDash=dashes), *shown)
    return finish(chart, _description(plot, curves, jobs), _HEIGHT)


def _description(plot: Plot, curves: Mapping[str, Points], jobs: Sequence[str]) -> str:
    said = [
        f"{line} from {points[0][1] * plot.scale:.3g} to {points[-1][1] * plot.scale:.3g}"
        for metric, line in plot.metrics
        if (points := curves.get(metric))
    ]
    beside = f", beside {jobs[1]}" if len(jobs) > 1 else ""
    return f"{plot.heading} by step: {'; '.join(said)}{beside}."


def _figures(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Returns an axis that says a value that is alone as it is, and not to six digits."""
    alone = len({row["value"] for row in rows}) == 1
    return alt.Axis(format=".3~r") if alone else alt.Axis()


def _ticks(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Returns whole steps for the axis, at most seven."""
    first, last = min(row["step"] for row in rows), max(row["step"] for row in rows)
    every = next(one for power in range(9) for one in (10**power, 2 * 10**power, 5 * 10**power)
                 if (last - first) / one <= _N_TICKS)  # fmt: skip
    return [*range(-(-first // every) * every, last + 1, every)]


def _thinned(points: Points) -> Points:
    """Returns every so-manieth point, the last one among them."""
    every = -(-len(points) // _N_POINTS) or 1
    return points[::-every][::-1]
