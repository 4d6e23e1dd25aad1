"""What use cases work on: settings and database, and in the app engine, judge and live runs."""

import threading
from dataclasses import dataclass, field
from typing import Literal, Protocol

from db.storage.session import Database
from ptrapp.core.settings import Settings
from ptrapp.core.types import Split
from ptrapp.engines.base import Engine
from ptrapp.judges.base import Judge
from ptrapp.judges.verifier import Verifier

_NOTHING = Split("", "", False)


class DataContext(Protocol):
    """What a use case needs that works on rows alone: the app has it, and so has a command line."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...


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


@dataclass(frozen=True, slots=True)
class AppContext:
    """The running app, handed to every use case; one a process."""

    settings: Settings
    database: Database
    engine: Engine
    judge: Judge = field(default_factory=Verifier)
    """Who compares for a person; `settings.judge` says who."""
    live: dict[int, LiveRun] = field(default_factory=dict)
    """Runs being written, by run id. A finished run lives in the database only."""
    publishing: threading.RLock = field(default_factory=threading.RLock)
    """Held while a version is published or made active: one change of what is served at a time."""
