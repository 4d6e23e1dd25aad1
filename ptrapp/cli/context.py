"""What a command works on: the settings and the database, without a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.storage.session import Database, open_database
from ptrapp.core.errors import ConfigurationError
from ptrapp.core.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class CommandOffice:
    """See `ptrapp.services.jobs.Office`."""

    settings: Settings
    database: Database


@contextmanager
def open_office(chosen: dict[str, Any]) -> Iterator[CommandOffice]:
    """Read settings from the environment and `chosen`, and open the database.

    Raises `ConfigurationError`, `DatabaseError`.
    """
    settings = load_settings(**chosen)
    try:
        Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the data folder {settings.data_dir} cannot be made ({error.strerror}). "
            "Name another: --data-dir FOLDER"
        ) from error
    database = open_database(settings.database)
    try:
        yield CommandOffice(settings, database)
    finally:
        database.dispose()
