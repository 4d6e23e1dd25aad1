"""Sends with a page what is its own: title, styles and layout, not those of every page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gradio.routes import templates

from ptrapp.core.settings import ASSETS

STYLES: Path = ASSETS / "styles"
EVERYWHERE = ("page_frame", "page_marks", "part_bar", "part_health")
OWN: Mapping[str, Sequence[str]] = {
    "": ("page_play", "part_board", "part_recorded", "part_rendered"),
    "history": ("page_history",),
    "label": ("part_label", "part_rendered"),
    "campaigns": ("page_campaigns", "part_rendered"),
    "versions": ("page_versions", "page_time_machine"),
    "train": ("page_train",),
    "data": ("page_data",),
    "people": ("page_people",),
}
"""Files of a page's styles, besides what every page has, by its path."""
_FILTER = "toorjson"
"""The filter by which Gradio's template (gradio 6.31) writes a page's configuration."""


def stylesheet(page: str) -> str:
    """Returns the style of a page and its widgets, besides what it has from its first moment."""
    return read_styles([*EVERYWHERE, *OWN[page]])


def read_styles(names: Iterable[str]) -> str:
    """Returns files of styles as one, without comments and indentation."""
    files = (STYLES / f"{name}.css" for name in names)
    whole = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r"/\*.*?\*/\s*|\n\s*(?=\n)|(?<=\n)[ \t]+", "", whole, flags=re.DOTALL)


def send_own() -> None:
    """Has each page sent with its own title, styles and layout alone.

    Gradio knows one style for all pages and sends every page's layout with each: together most of
    what a page's HTML weighs.
    """
    write = templates.env.filters[_FILTER]
    if not isinstance(write, partial):  # the pages are built more than once in a test
        sheets = {page: stylesheet(page) for page in OWN}
        templates.env.filters[_FILTER] = partial(_written, write, sheets)


def _written(write: Any, sheets: Mapping[str, str], value: Any) -> Any:
    page = value.get("current_page") if isinstance(value, dict) else None
    if isinstance(page, str) and page in sheets and page in value.get("page", ()):
        names = dict(one[:2] for one in value["pages"] if one[0])
        title = f"{names[page]} · Thrice" if page in names else "Thrice"
        only = {"css": sheets[page], "page": {page: value["page"][page]}, "title": title}
        value = {**value, **only}
    return write(value)
