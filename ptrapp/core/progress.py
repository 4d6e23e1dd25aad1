"""The callback that everything slow calls meanwhile."""

from logging import Logger
from typing import Protocol


class OnProgress(Protocol):
    """Takes what is being done and how much of it is, 0 to 1, or None where nobody knows.

    It may raise, which ends what calls it.
    """

    def __call__(self, text: str, fraction: float | None = None) -> None: ...


def logged_once(log: Logger) -> OnProgress:
    """Returns what logs each thing that is begun, however often it is reported while it lasts."""
    last = ""

    def report(text: str, fraction: float | None = None) -> None:
        nonlocal last
        if fraction is None and text != last:
            log.info("%s", text)
            last = text

    return report
