"""The Label page: one comparison a screen, which its widget reads from routes."""

from ptrapp.ui.widgets import widget


def build() -> None:
    """Builds the page.

    Its widget has no value: everybody receives the configuration of a page, but a comparison is
    for one person.
    """
    widget("label")
