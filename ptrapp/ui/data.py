"""The Data page: a file in, files out, and what is stored, all asked of our routes."""

from ptrapp.ui.widgets import widget


def build() -> None:
    """Build the page.

    It has no value from the server: a page's configuration is sent to everybody, and what is stored
    is for some.
    """
    widget("data")
