"""Opens the settings and the database for a command, without a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from db.storage.session import Database, open_database
from ptrapp.core.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class CommandContext:
    """A `ptrapp.services.context.DataContext`."""

    settings: Settings
    database: Database


@contextmanager
def open_context(chosen: dict[str, Any]) -> Iterator[CommandContext]:
    """Reads settings from the environment and `chosen`, and opens the database.

    Raises `ConfigurationError`, `DatabaseError`.
    """
    settings = load_settings(**chosen)
    settings.make_data_folder()
    database = open_database(settings.database)
    try:
        yield CommandContext(settings, database)
    finally:
        database.dispose()
