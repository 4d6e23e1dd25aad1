"""The field that says which page of a list is shown; a list of one page has none."""

import gradio as gr

from ptrapp.ui.corrected import corrected


def built(*, min_width: int = 100) -> gr.Number:
    """Returns the field, which is seen when a list turns out to have more than one page."""
    return gr.Number(
        1, label="Page", minimum=1, precision=0, min_width=min_width, visible=False,
        elem_classes="pager",
    )  # fmt: skip


def number(asked: float | None) -> int:
    """Returns the page that the field asks for: the first one while the field is empty."""
    return int(asked or 1)


def shown(asked: float | None, page: int, n_pages: int, of: str = "") -> gr.Number:
    """Returns the field for a list of which `page` was found; `of` says of how much."""
    label = f"Page, of {n_pages:,}{f' ({of})' if of else ''}"
    value = corrected(number(asked), page)
    return gr.Number(label=label, maximum=max(1, n_pages), visible=n_pages > 1, **value)
