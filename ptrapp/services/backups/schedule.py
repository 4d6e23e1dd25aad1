"""Backs up by the clock: a thread makes a backup, restores it as a test, and removes old ones."""

import logging
import threading
from datetime import UTC, datetime, timedelta

from db.storage.errors import DatabaseError
from db.storage.presence import At
from ptrapp.core.errors import ThriceError
from ptrapp.core.settings import Settings
from ptrapp.services.backups import making, restoring
from ptrapp.services.backups.folder import Backup, latest
from ptrapp.services.context import AppContext, DataContext

log = logging.getLogger(__name__)

BACKUP = "backup"
"""The name of a failed one among the app's troubles."""
POLL_S = 60.0
"""Seconds between two looks at the clock; after a failure it is tried again then."""


def due_at(settings: Settings) -> datetime | None:
    """Returns when the next backup is due; None where none is made by the clock.

    A data folder without one gets its first when it is as old as the time between two.
    """
    if not settings.backup_every_h:
        return None
    last = latest(settings.backups_dir)
    born = settings.data_dir / "session.key"  # written at the first start, and never again
    if last is not None:
        since = last.made_at
    elif born.exists():
        since = datetime.fromtimestamp(born.stat().st_mtime, UTC)
    else:
        since = datetime.now(UTC)
    return since + timedelta(hours=settings.backup_every_h)


def back_up(context: DataContext) -> Backup:
    """Makes a backup, tests it and removes the oldest. Raises what making one raises.

    Old ones are kept while the newest could not be restored.
    """
    made = making.make(context)
    tested = restoring.test(context.settings, made)
    if tested.problems:
        log.error("the backup %s could not be restored: %s", made.folder, tested.problems[0])
    else:
        making.rotate(made.folder.parent, context.settings.backups_kept)
        log.info("backed up to %s", made.folder)
    return made


class BackupSchedule:
    """The thread that backs up when it is due."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="backups", daemon=True)

    def start(self) -> None:
        if self._context.settings.backup_every_h:
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            self.look()

    def look(self) -> None:
        """Backs up where it is due; why that failed is kept for pages to say."""
        due = due_at(self._context.settings)
        if due is None or due > datetime.now(UTC):
            return
        try:
            if self._context.database.presence.take(At.CHORES):  # one app does it for all
                back_up(self._context)
                self._context.troubles.pop(BACKUP, None)
        except (ThriceError, DatabaseError, OSError) as error:
            log.error("no backup was made: %s", error)
            self._context.troubles[BACKUP] = str(error)
