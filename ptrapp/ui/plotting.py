"""Gives every plot its size, fonts and colours: tokens, so that both themes fit."""

from __future__ import annotations

from typing import Any

from ptrapp.ui.charts import alt

_FONT = "system-ui, sans-serif"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""The version of Vega-Lite that Gradio 6 draws with. Altair 6 names its own, version 6, with which
the browser warns of every plot; what is drawn here means the same in both. Nobody fetches it."""


def bottom_legend() -> alt.Legend:
    return alt.Legend(orient="bottom", title=None, columns=3, symbolOpacity=1)


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
