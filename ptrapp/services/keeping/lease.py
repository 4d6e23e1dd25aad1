"""Whose the data of a repository is: one app's at a time, which hands it over when asked.

::

    app.json  {"app": "3f…", "next": "", "leaving": false}      one app keeps its data there
              {"app": "3f…", "next": "9a…", "leaving": false}   another was started, and asks
              {"app": "3f…", "next": "9a…", "leaving": true}    the first stores nothing more …
              {"app": "9a…", "next": "", "leaving": false}      … and its last copy says whose it is

Each of these is a commit on top of the newest one, so that of two apps at once one is refused. An
app that says nothing for `WAIT_S` is taken to be gone; if it is not, it can copy nothing more.
"""

import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from secrets import token_hex

from ptrapp.core.errors import ConfigurationError, KeepingError, RepositoryMoved
from ptrapp.core.settings import Settings
from ptrapp.services.keeping.record import folder_of
from ptrapp.services.keeping.repository import MAIN, Repository

log = logging.getLogger(__name__)

FILE = "app.json"
WAIT_S = 60.0
"""Seconds that an app is waited for which says nothing: it looks every ten."""
LEAVE_S = 900.0
"""Seconds that the last copy of one that is leaving may take."""
LOOK_S = 2.0
"""Seconds between two looks while it is waited for."""
_IDENTITY = "app"


@dataclass(frozen=True, slots=True)
class Lease:
    """The app that keeps its data in the repository, and the one that wants to."""

    app: str = ""
    """Empty where the last one has ended."""
    next: str = ""
    leaving: bool = False
    """Whether the app has heard of the next one, and makes its last copy."""

    def is_anothers(self, app: str) -> bool:
        return self.app not in ("", app)

    def is_wanted(self, app: str) -> bool:
        return self.next not in ("", app)

    def as_file(self) -> dict[str, str]:
        """Returns the file that says it, by name."""
        return {FILE: json.dumps(asdict(self))}


def identity(settings: Settings) -> str:
    """Returns the name of the app on this data folder, the same after each start."""
    file = folder_of(settings) / _IDENTITY
    if not file.exists():
        file.write_text(token_hex(8), encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def read_lease(repository: Repository, commit: str) -> Lease:
    """Returns the lease at a commit; of none, or one that cannot be read, nobody has it.

    Raises `KeepingError`.
    """
    text = repository.text(commit, FILE)
    try:
        return Lease(**json.loads(text or "{}"))
    except (ValueError, TypeError):
        return Lease()


def take(repository: Repository, app: str) -> str:
    """Makes the data this app's, after the one that has it has made its last copy.

    Returns the newest commit then; who is ended while it waits takes its question back. Raises
    `KeepingError`, and `ConfigurationError` where a still newer app asks.
    """
    head = repository.head()
    lease = read_lease(repository, head)
    if not lease.is_anothers(app):
        return head if lease == Lease(app) else _of_nobody(repository, head, app)
    log.info("%s is kept by another app; it is asked to hand it over", repository.name)
    taken = ""
    try:
        while not taken:
            try:
                taken = _ask_and_wait(repository, app)
            except RepositoryMoved:
                continue  # the other one copied at this moment
    finally:
        if not taken:
            _withdraw(repository, app)
    return taken


def _ask_and_wait(repository: Repository, app: str) -> str:
    """Returns the newest commit, once the data is this app's. Raises `RepositoryMoved`."""
    head = repository.head()
    lease = read_lease(repository, head)
    if lease.next != app and lease.is_anothers(app):
        _write(repository, head, Lease(lease.app, app))
    deadline, leaving = time.monotonic() + WAIT_S, False
    while True:
        head = repository.head()
        lease = read_lease(repository, head)
        if lease == Lease(app):
            return head
        if not lease.is_anothers(app):
            return _write(repository, head, Lease(app))
        if lease.is_wanted(app):
            raise ConfigurationError(
                f"while this app waited for the data of {repository.name}, a newer one asked for "
                "it. Use one app for one repository"
            )
        if lease.leaving and not leaving:
            leaving, deadline = True, time.monotonic() + LEAVE_S
        if time.monotonic() > deadline:
            log.warning("the app that has %s says nothing; it is taken over", repository.name)
            return _write(repository, head, Lease(app))
        time.sleep(LOOK_S)


def _withdraw(repository: Repository, app: str) -> None:
    """Takes the question back, so that the other app goes on, unless it is leaving already."""
    with suppress(KeepingError):
        head = repository.head()
        lease = read_lease(repository, head)
        if lease.next == app and not lease.leaving:
            _write(repository, head, Lease(lease.app))


def _of_nobody(repository: Repository, head: str, app: str) -> str:
    """Takes what is free; a repository that is full can be read all the same, and is told later."""
    try:
        return _write(repository, head, Lease(app))
    except RepositoryMoved:
        raise
    except KeepingError as error:
        log.warning("%s: %s", repository.name, error)
        return head


def _write(repository: Repository, head: str, lease: Lease) -> str:
    return repository.commit_texts(lease.as_file(), on=head, branch=MAIN)
