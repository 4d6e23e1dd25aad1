"""Gives every plot its size, fonts and colours: tokens, so that both themes fit."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from ptrapp.ui.charts import alt

_FONT = "system-ui, sans-serif"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""The version of Vega-Lite that Gradio 6 draws with. Altair 6 names its own, version 6, with which
the browser warns of every plot; what is drawn here means the same in both. Nobody fetches it."""


def bottom_legend(*, dashes: bool = False) -> alt.Legend:
    """Returns a legend below the plot; lines that differ by their `dashes` are shown as lines."""
    legend: dict[str, Any] = {"orient": "bottom", "title": None, "symbolOpacity": 1}
    legend["columns"] = alt.ExprRef("width < 360 ? 2 : 3")  # names of versions, on a phone too
    if dashes:
        legend |= {"symbolType": "stroke", "symbolSize": 400, "symbolStrokeWidth": 2}
        legend["symbolStrokeColor"] = "var(--soft)"
    return alt.Legend(**legend)


def finish(chart: Any, description: str, height: int) -> Any:
    """Returns the chart as the pages show it, drawn as SVG, where a colour may be a token."""
    text = {"labelFont": _FONT, "titleFont": _FONT, "labelFontSize": 12, "titleFontSize": 12}
    inks = {"labelColor": "var(--soft)", "titleColor": "var(--soft)", "titleFontWeight": "normal"}
    lines = {
        "gridColor": "var(--line)",
        "domainColor": "var(--line-2)",
        "tickColor": "var(--line-2)",
    }
    return (
        chart.properties(
            width="container",
            height=height,
            background="transparent",
            description=description,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            usermeta={"embedOptions": {"renderer": "svg", "actions": False}},
            **{"$schema": _SCHEMA},
        )
        .configure_axis(**text, **inks, **lines)
        .configure_legend(labelFont=_FONT, labelColor="var(--soft)", labelFontSize=12)
        .configure_view(stroke=None)
    )


def plotted(value: PlotData | None) -> gr.Plot:
    """Returns an update that shows what was drawn, or hides the plot where nothing was."""
    return gr.Plot(value=value, visible=value is not None)


def drawn_once(draw: Callable[..., Any], *found: Any) -> PlotData | None:
    """Returns the chart that `draw` makes of what was found, as pages are sent it; None without.

    What was drawn of the same findings is kept: Altair takes 40 to 140 ms of the CPU for a chart,
    and a page is read again by everybody who looks.
    """
    return _drawn(draw, pickle.dumps(found))


@lru_cache(maxsize=64)
def _drawn(draw: Callable[..., Any], found: bytes) -> PlotData | None:
    chart = draw(*pickle.loads(found))
    return None if chart is None else _sent(chart)


def _sent(chart: Any) -> PlotData:
    """Returns a chart as pages are sent it: half of what Gradio would make of it."""
    spec = json.loads(chart.to_json(indent=None), parse_float=_short)
    return PlotData(type="altair", plot=json.dumps(spec, separators=(",", ":"), ensure_ascii=False))


def _short(number: str) -> float:
    """Returns a number with the digits that can be seen in a plot or are read beside it."""
    value = float(number)
    return float(f"{value:.6g}") if abs(value) < 1e5 else value  # a larger one may be a time
