"""Reads everything that the Train page shows."""

from dataclasses import dataclass
from pathlib import Path

from ptrapp.core.people import Role
from ptrapp.services import jobs, versions
from ptrapp.services.context import AppContext
from ptrapp.services.outlook import Outlook, read_outlook
from ptrapp.services.training.for_role import for_role


@dataclass(frozen=True, slots=True)
class EngineView:
    model: str
    """Without its folders, which other people need not see."""
    context_length: int
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingPanel:
    engine: EngineView
    outlook: Outlook
    jobs: list[jobs.JobView]
    versions: list[versions.VersionView]
    worker: bool
    train_every: int


def read_panel(context: AppContext, role: Role) -> TrainingPanel:
    """Returns the panel as it is now, as a role sees it."""
    engine = context.engine
    return TrainingPanel(
        engine=EngineView(Path(context.base_model).name, engine.context_length, engine.about),
        outlook=read_outlook(context),
        jobs=[for_role(one, role) for one in jobs.listing(context)],
        versions=versions.listing(context),
        worker=jobs.has_worker(context),
        train_every=context.settings.train_every,
    )
