"""What a run has written so far and the database does not hold yet."""

import threading
from dataclasses import dataclass, field
from typing import Literal

from ptrapp.core.types import Split

_NOTHING = Split("", "", False)


@dataclass(slots=True)
class Slot:
    """One round or candidate being written; read by pages while its run's thread writes it."""

    index: int
    candidate: int
    thinking: bool
    state: Literal["waiting", "writing", "stored", "failed"] = "waiting"
    split: Split = _NOTHING
    n_tokens: int = 0
    elapsed_s: float = 0.0
    error: str = ""


@dataclass(slots=True)
class LiveRun:
    """A run in progress. Its thread writes the slots; anybody may ask it to stop or wait for it."""

    run_id: int
    slots: list[Slot]
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    failure: str = ""
    """Why nothing more could be stored, where the database itself failed."""
    watchers: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    """Rater id → the slots whose thought that rater opened while it was being written."""
