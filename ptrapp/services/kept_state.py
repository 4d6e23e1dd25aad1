"""What the app knows of its copy on the hub: until when everything is in it, and what is wrong."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HubCopy:
    """The copy as it is now."""

    until: datetime | None = None
    """Whatever was stored before is in the copy; None while there is none."""
    mark: object = None
    """The database's `last_write` at that moment: another one means that more was stored."""
    trouble: str = ""
    """Why the last attempt failed, without names of this machine; empty after a success."""
    overtaken: str = ""
    """Why nothing is copied or stored any more: another app writes to the repository."""


class KeptState:
    """Holds the newest `HubCopy`, which one thread replaces and others read."""

    def __init__(self, now: HubCopy | None = None) -> None:
        self.now = now or HubCopy()
