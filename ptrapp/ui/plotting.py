"""Gives every plot its size, fonts and colours: tokens, so that both themes fit."""

from typing import Any

import altair as alt

_FONT = "system-ui, sans-serif"


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
        )
        .configure_axis(**text, **inks, **lines)
        .configure_legend(labelFont=_FONT, labelColor="var(--soft)", labelFontSize=12)
        .configure_view(stroke=None)
    )
