"""Keeps a second app away from a data folder whose database is a file; notes where the app is."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ptrapp.core.errors import ConfigurationError
from ptrapp.core.folder_lock import Held, hold
from ptrapp.core.settings import Settings

LOCK = ".app.lock"
"""Hidden, so that a folder with nothing else in it counts as empty."""
ADDRESS = ".app.address"
"""Where the app that had the folder last is found: commands are not told its flags."""


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Holds the data folder for this app; commands and workers need no such hold.

    Apps on one PostgreSQL may share a folder, which keeps out an app on SQLite alone. Raises
    `ConfigurationError` when another app has the folder.
    """
    shared = not settings.database.startswith("sqlite")
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(settings.data_dir / LOCK, shared=shared))
            (settings.data_dir / ADDRESS).write_text(settings.address, encoding="utf-8")
        except Held as error:
            raise ConfigurationError(
                f"the data folder {settings.data_dir} is in use by another Thrice ({error}). End "
                "it first, or name another folder: --data-dir FOLDER"
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"nothing can be written to the data folder {settings.data_dir} "
                f"({error.strerror}). Make it writable, or name another: --data-dir FOLDER"
            ) from error
        yield


def address_of_app(settings: Settings) -> str:
    """Returns the address of the app that has the data folder or had it last."""
    try:
        return (settings.data_dir / ADDRESS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return settings.address
