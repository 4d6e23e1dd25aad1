"""The callback that everything slow calls meanwhile."""

from typing import Protocol


class OnProgress(Protocol):
    """Takes what is being done and how much of it is, 0 to 1, or None where nobody knows.

    It may raise, which ends what calls it.
    """

    def __call__(self, text: str, fraction: float | None = None) -> None: ...
