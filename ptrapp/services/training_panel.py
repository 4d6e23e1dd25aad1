"""Everything the Train page shows, read from the database at one moment."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ptrapp.services import jobs, versions
from ptrapp.services.context import AppContext


@dataclass(frozen=True, slots=True)
class EngineView:
    model: str
    """Without the folders it lies in: a page may be seen by others."""
    context_length: int
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingPanel:
    engine: EngineView
    outlook: jobs.Outlook
    jobs: list[jobs.JobView]
    versions: list[versions.VersionView]
    worker: bool
    train_every: int

    def as_json(self) -> dict[str, Any]:
        """As plain values; times as ISO 8601."""
        values = asdict(self)
        for row in (*values["jobs"], *values["versions"]):
            row["created_at"] = row["created_at"].isoformat() if row["created_at"] else None
        return values


def read_panel(context: AppContext) -> TrainingPanel:
    """Put the panel together."""
    engine = context.engine
    return TrainingPanel(
        engine=EngineView(Path(context.settings.model).name, engine.context_length, engine.about),
        outlook=jobs.outlook(context),
        jobs=jobs.listing(context),
        versions=versions.listing(context),
        worker=jobs.worker_there(context),
        train_every=context.settings.train_every,
    )
