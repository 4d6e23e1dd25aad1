"""What a use case needs that works on rows alone: no model, no engine."""

from typing import Protocol

from db.storage.session import Database
from ptrapp.core.settings import Settings


class Office(Protocol):
    """The whole studio is one, and so is a command line."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...
