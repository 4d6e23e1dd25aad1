"""The Data page: imports, exports and stored data, which its widget reads from routes."""

from ptrapp.ui.widgets import widget


def build() -> None:
    """Builds the page.

    Its widget has no value: everybody receives the configuration of a page, but only some may read
    what is stored.
    """
    widget("data")
