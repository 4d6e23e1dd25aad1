"""The context of every use case: settings and database; in the app also engine, judge and runs."""

import threading
from dataclasses import dataclass, field
from typing import Literal, Protocol

from db.labelling.agreement import NumberColumn, read_numbers
from db.labelling.version_votes import GameColumn, read_games
from db.labelling.weighed_votes import read_weighed
from db.labelling.work_done import WorkColumn, read_work
from db.models import Run
from db.storage.session import Database
from ptrapp.core.errors import EngineUnavailable
from ptrapp.core.settings import Settings
from ptrapp.core.types import Split
from ptrapp.engines.base import Engine
from ptrapp.judges.base import Judge
from ptrapp.judges.verifier import Verifier
from ptrapp.services.kept_counts import KeptCounts, KeptRefined
from ptrapp.services.kept_rows import KeptRows
from ptrapp.services.kept_state import KeptState
from ptrapp.services.worker_process import WorkerSupervisor

_NOTHING = Split("", "", False)


class DataContext(Protocol):
    """The context of use cases that need rows alone, which the command line has too."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def base_model(self) -> str:
        """The base model that jobs are for, as `--model` names it; empty where nobody knows."""
        ...


class LabelsContext(DataContext, Protocol):
    """The context of use cases that measure labels."""

    @property
    def labels(self) -> KeptRows:
        """Every label as numbers (`read_numbers`), kept up with the log."""
        ...


def kept_labels() -> KeptRows:
    """Returns the keeper of every label, which has read none yet."""
    return KeptRows(read_numbers, len(NumberColumn))


@dataclass(slots=True)
class Slot:
    """One round or candidate in progress; pages read it while the thread of its run writes it."""

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
    """A run in progress. Its thread writes the slots; any thread may stop it or await its end."""

    run_id: int
    slots: list[Slot]
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    failure: str = ""
    """Why nothing more could be stored, if the database failed."""
    rater: str = ""
    """Who asked for it."""
    n_tokens: int = 0
    """Most tokens that it may write."""
    watchers: dict[int, set[tuple[int, int]]] = field(default_factory=dict)
    """Rater id → (index, candidate) of the slots whose thought that rater opened in progress."""
    loaded: tuple[tuple[object, ...], Run] | None = None
    """The run with its rounds as it was read last, and the stamp of a look just before that."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """The running app, which every use case takes; there is one in a process."""

    settings: Settings
    database: Database
    engine: Engine
    judge: Judge = field(default_factory=Verifier)
    """Compares for a person; chosen by `settings.judge`."""
    worker: WorkerSupervisor | None = None
    """Keeps the training worker beside this app alive; None where there is none."""
    kept: KeptState | None = None
    """The copy on the hub; None where none is kept."""
    troubles: dict[str, str] = field(default_factory=dict)
    """What failed in the background and did not succeed since, by its name: why. A `backup`."""
    live: dict[int, LiveRun] = field(default_factory=dict)
    """Runs in progress, by run id. A finished run is in the database only."""
    starting: list[tuple[str, int]] = field(default_factory=list)
    """Runs that are being started: who asked, and how many tokens they may write."""
    publishing: threading.RLock = field(default_factory=threading.RLock)
    """Held while a version is published or activated: one change of what is served at a time."""
    retiring: dict[str, float] = field(default_factory=dict)
    """Versions that serve no more and may be asked by other apps, and since when. Changed while
    `publishing` is held."""
    weighed: KeptRows = field(default_factory=lambda: KeptRows(read_weighed, 4))
    """What the votes that are learnt from say, kept up with the log."""
    labels: KeptRows = field(default_factory=kept_labels)
    """Every label as numbers, kept up with the log."""
    games: KeptRows = field(default_factory=lambda: KeptRows(read_games, len(GameColumn)))
    """People's votes between versions, kept up with the log."""
    work: KeptRows = field(default_factory=lambda: KeptRows(read_work, len(WorkColumn)))
    """Every label that was done in a campaign, kept up with the log."""
    stored: KeptCounts = field(default_factory=KeptCounts)
    """What is stored, in numbers."""
    refined: KeptRefined = field(default_factory=KeptRefined)
    """How many rounds are worth imitating."""

    @property
    def base_model(self) -> str:
        """The base model that answers, as `--model` names it; empty while there is none."""
        try:
            return self.settings.with_model(self.engine.model_id).model
        except EngineUnavailable:
            return ""
