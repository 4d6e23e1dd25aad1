"""Fetches what is kept at a start, and begins to keep it: all that the app has to know of it."""

from dataclasses import dataclass

from ptrapp.core.settings import Settings
from ptrapp.services.context import AppContext
from ptrapp.services.keeping.fetching import fetch, open_repository
from ptrapp.services.keeping.keeper import Keeper
from ptrapp.services.keeping.record import Record
from ptrapp.services.keeping.repository import Repository
from ptrapp.services.kept_state import KeptState


@dataclass(frozen=True, slots=True)
class Fetched:
    """A repository, and the commit that the data here stands on."""

    repository: Repository
    record: Record

    def keep(self, context: AppContext, state: KeptState) -> Keeper:
        """Returns what keeps the repository up with the app; it is not started yet."""
        return Keeper(context, state, self.repository, self.record)


def fetch_kept(settings: Settings) -> Fetched:
    """Fetches what is kept, where there is no data yet. Raises `ConfigurationError`."""
    repository = open_repository(settings)
    return Fetched(repository, fetch(settings, repository))
