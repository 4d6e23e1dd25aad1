"""The running product as the use cases see it: settings, database, engine, judge, live runs."""

import threading
from dataclasses import dataclass, field

from db.storage.session import Database
from ptrapp.core.settings import Settings
from ptrapp.engines.base import Engine
from ptrapp.judges.base import Judge
from ptrapp.judges.verifier import Verifier
from ptrapp.services.live import LiveRun


@dataclass(frozen=True, slots=True)
class Studio:
    """Handed to every use case; one a process."""

    settings: Settings
    database: Database
    engine: Engine
    judge: Judge = field(default_factory=Verifier)
    """Who compares for a person; `settings.judge` says who."""
    live: dict[int, LiveRun] = field(default_factory=dict)
    """Runs being written, by run id. A finished run lives in the database only."""
    publishing: threading.RLock = field(default_factory=threading.RLock)
    """Held while a version is published or made active: one change of what is served at a time."""
