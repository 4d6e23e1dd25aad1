"""The Label page: one comparison a screen; its widget asks our routes for everything it shows."""

from ptrapp.ui.widgets import widget


def build() -> None:
    """Build the page.

    It has no value from the server: what is in a page's configuration is seen by everybody, and a
    comparison is one person's.
    """
    widget("label")
