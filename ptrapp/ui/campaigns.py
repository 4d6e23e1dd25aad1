"""The Campaigns page: progress, agreement and new campaigns, which its widget reads from routes."""

from ptrapp.ui.widgets import widget


def build() -> None:
    """Builds the page.

    Its widget has no value: everybody receives the configuration of a page, but only some may read
    votes.
    """
    widget("campaigns")
