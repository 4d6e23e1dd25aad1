"""Opens the settings and the database for a command, without a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from db.storage.session import Database, open_database
from ptrapp.core.settings import Settings, load_settings
from ptrapp.models.finding import as_remembered
from ptrapp.services.context import kept_labels
from ptrapp.services.kept_rows import KeptRows


@dataclass(frozen=True, slots=True)
class CommandContext:
    """A `ptrapp.services.context.DataContext`."""

    settings: Settings
    database: Database
    labels: KeptRows = field(default_factory=kept_labels)

    @property
    def base_model(self) -> str:
        """The model that was named, else the one that the app serves or served last."""
        if "model" not in self.settings.model_fields_set:
            return ""
        return self.settings.with_model(self.settings.model_path).model


@contextmanager
def open_context(chosen: dict[str, Any], *, new: bool = False) -> Iterator[CommandContext]:
    """Reads settings from the environment and `chosen`, and opens the database.

    Only what can begin with nothing makes a `new` one: a mistyped folder has no jobs to list and
    nothing to back up. Raises `ConfigurationError`, `DatabaseError`.
    """
    settings = load_settings(**chosen)
    if new:
        settings.make_data_folder()
    settings = as_remembered(settings)
    database = open_database(settings.database, new=new)
    try:
        yield CommandContext(settings, database)
    finally:
        database.dispose()
