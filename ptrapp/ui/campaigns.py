"""The Campaigns page: progress, agreement and the making of campaigns, all asked of our routes."""

from ptrapp.ui.widgets import widget


def build() -> None:
    """Build the page.

    It has no value from the server: a page's configuration is sent to everybody, and what raters
    said is for some.
    """
    widget("campaigns")
