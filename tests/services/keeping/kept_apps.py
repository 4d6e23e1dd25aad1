"""An app that keeps its data on a hub, as far as its data goes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from db.labelling import raters
from db.models import RaterKind
from ptrapp.services.context import AppContext
from ptrapp.services.keeping.keeper import Keeper


@dataclass
class App:
    """An app with its data folder, as it is between its start and its end."""

    context: AppContext
    keeper: Keeper

    def store(self, name: str) -> None:
        with self.context.database.write() as session:
            raters.ensure_rater(session, RaterKind.HUMAN, name)

    def names(self) -> set[str]:
        with self.context.database.read() as session:
            return {rater.name for rater in session.query(raters.Rater).all()}

    @property
    def folder(self) -> Path:
        return self.context.settings.data_dir

    def end(self) -> None:
        self.context.database.dispose()


Start = Callable[..., App]
