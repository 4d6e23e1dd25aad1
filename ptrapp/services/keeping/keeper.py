"""Copies the data to the repository by the clock and at the end, in a thread of its own."""

import logging
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

from db.registry import jobs
from db.storage.errors import DatabaseError
from ptrapp.core.errors import KeepingError, RepositoryMoved, ThriceError
from ptrapp.services.backups import making
from ptrapp.services.backups.folder import MANIFEST, Backup, name_of
from ptrapp.services.context import AppContext
from ptrapp.services.keeping.lease import Lease, identity, read_lease
from ptrapp.services.keeping.record import (
    Record,
    difference,
    folder_of,
    hash_of,
    write_record,
)
from ptrapp.services.keeping.repository import MAIN, Repository
from ptrapp.services.kept_state import HubCopy, KeptState

log = logging.getLogger(__name__)

POLL_S = 5.0
"""Seconds between two looks at the clock."""
RETRY_S = 60.0
"""Seconds until it is tried again after a failure, unless copies are made more often."""
LAST_S = 20.0
"""Seconds that the last copy may take: a container is killed half a minute after its signal."""
LOOK_S = 10.0
"""Seconds between two looks whether another app asks for the data."""
OVERTAKEN = (
    "Another app has stored newer data in the repository that this one keeps its data in, so "
    "nothing more is stored here. Start this one again to go on with the newer data, and use one "
    "app for one repository."
)
HANDED_OVER = (
    "A newer app goes on with the data of this one, so nothing more is stored here. Load the page "
    "again in a minute."
)
_NEWEST_JOBS = 20


class Keeper:
    """Keeps a repository up with the data of an app; it alone pushes there."""

    def __init__(
        self, context: AppContext, state: KeptState, repository: Repository, record: Record
    ) -> None:
        self._context = context
        self._state = state
        self._repository = repository
        self._record = record
        self._app = identity(context.settings)
        self._next = ""
        """The app that has asked for the data."""
        self._ending = False
        self._look_at = time.monotonic() + LOOK_S
        self._jobs = self._newest_jobs()
        self._next_at = time.monotonic() + self._every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keeping", daemon=True)
        state.now = HubCopy(record.until, context.database.last_write)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Makes the last copy, if that is possible in `LAST_S` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(LAST_S)
        if self._thread.is_alive():
            log.error("The last copy to %s was not finished in time", self._repository.name)

    @property
    def _every_s(self) -> float:
        return self._context.settings.keep_every_min * 60

    def _watch(self) -> None:
        if self._record.until is None:
            self.copy()
        while not self._stop.wait(min(POLL_S, self._every_s)):
            if self._is_asked() or (time.monotonic() >= self._next_at and self._changed()):
                self.copy()
        self._ending = True
        self.copy()

    def _is_asked(self) -> bool:
        """Returns whether another app asks for the data, or has taken it over."""
        if time.monotonic() < self._look_at or self._state.now.overtaken:
            return False
        self._look_at = time.monotonic() + LOOK_S
        try:
            head = self._repository.head()
            if head == self._record.commit:
                return False
            lease = read_lease(self._repository, head)
        except KeepingError:
            return False  # the next copy says it
        return lease.is_anothers(self._app) or lease.is_wanted(self._app)

    def _changed(self) -> bool:
        """Returns whether anything was stored since the last copy, heartbeats aside.

        What other programs than the app and its worker write goes with the next copy.
        """
        now = self._state.now
        if now.overtaken:
            return not self._record.branch
        written = self._context.database.last_write is not now.mark
        return written or bool(now.trouble) or self._newest_jobs() != self._jobs

    def _newest_jobs(self) -> list[tuple[int, str, int]]:
        with self._context.database.read() as session:
            newest = jobs.queue(session, _NEWEST_JOBS)
            return [(job.id, job.status.value, job.step) for job in newest]

    def copy(self) -> None:
        """Copies what is stored now; a failure is told in the state and the log."""
        if self._record.branch:
            return
        pause_s = self._every_s
        try:
            if self._state.now.overtaken:
                self._leave()
            else:
                self._push()
        except KeepingError as error:
            self._note(str(error))
            pause_s = min(pause_s, POLL_S if self._next else RETRY_S)
        except (ThriceError, DatabaseError, OSError, ValueError) as error:
            log.error("no copy for %s: %s", self._repository.name, error)
            self._note("the copy cannot be made; the terminal says why")
            pause_s = min(pause_s, RETRY_S)
        self._next_at = time.monotonic() + pause_s

    def _note(self, trouble: str) -> None:
        log.error("%s is behind: %s", self._repository.name, trouble)
        self._state.now = replace(self._state.now, trouble=trouble)

    def _push(self) -> None:
        if self._record.pending:
            self._settle()
        if self._next:
            self._hand_over()
            return
        mark, newest_jobs = self._context.database.last_write, self._newest_jobs()
        backup, manifest = self._made()
        try:
            n_changed = self._commit(backup, manifest, Lease("" if self._ending else self._app))
        except RepositoryMoved as moved:
            if not self._settle():
                self._give_way(moved)
                return
            if self._next or self._record.manifest != manifest:
                self._push()
                return
            n_changed = 0
        self._jobs = newest_jobs
        self._state.now = HubCopy(backup.made_at, mark)
        log.info("Copied to %s: %d files", self._repository.name, n_changed)

    def _commit(self, backup: Backup, manifest: str, lease: Lease, branch: str = "") -> int:
        """Puts a copy on top of the commit that ours stands on; returns how many files changed."""
        self._remember(replace(self._record, pending=hash_of(manifest)))
        changes = difference(self._record.manifest, backup)
        commit = self._repository.commit(
            backup.folder, *changes, on=self._record.commit, branch=MAIN, texts=lease.as_file()
        )
        self._remember(Record(self._repository.name, commit, manifest, branch=branch))
        return len(changes.added)

    def _settle(self) -> bool:
        """Stands on the newest commit, if what it holds is ours: a push whose answer was lost, or
        what another app that asks for the data put on top.

        Returns whether it is.
        """
        head = self._repository.head()
        manifest = self._repository.manifest(head)
        lease = read_lease(self._repository, head)
        if lease.is_anothers(self._app) or not self._record.is_ours(manifest):
            return False
        self._remember(Record(self._repository.name, head, manifest or ""))
        self._next = lease.next if lease.is_wanted(self._app) else ""
        return True

    def _made(self) -> tuple[Backup, str]:
        """Makes a backup, whose name is of a second; returns it with its manifest."""
        folder = folder_of(self._context.settings)
        while (folder / name_of(datetime.now(UTC))).exists():
            time.sleep(0.1)
        made = making.make(self._context, folder)
        making.rotate(folder, 1)
        return made, (made.folder / MANIFEST).read_text(encoding="utf-8")

    def _give_way(self, moved: RepositoryMoved) -> None:
        """Stops writing, so that no vote is taken that would be lost, and saves what is here."""
        log.error("%s: %s", self._repository.name, moved)
        self._stop_storing(OVERTAKEN)
        self._rescue()

    def _hand_over(self) -> None:
        """Stops writing, and makes the last copy for the app that has asked."""
        log.warning("%s: a newer app asks for the data; it is handed over", self._repository.name)
        self._stop_storing(HANDED_OVER)
        self._leave()

    def _stop_storing(self, reason: str) -> None:
        self._context.database.stop_writes(reason)
        self._state.now = replace(self._state.now, overtaken=reason)
        if self._context.worker is not None:
            self._context.worker.stop()

    def _leave(self) -> None:
        """Puts what is here where the next app goes on from, or beside what that has stored."""
        while self._next:
            try:
                self._last_copy()
                return
            except RepositoryMoved:
                self._next = ""
                self._settle()  # a still newer one asks
        self._rescue()

    def _last_copy(self) -> None:
        said = Lease(self._app, self._next, leaving=True).as_file()
        on = self._repository.commit_texts(said, on=self._record.commit, branch=MAIN)
        self._remember(replace(self._record, commit=on))
        self._commit(*self._made(), Lease(self._next), branch=MAIN)
        log.warning("%s is the newer app's now", self._repository.name)

    def _rescue(self) -> None:
        """Puts what is here into a branch of its own, beside what the other app stores."""
        backup, _ = self._made()
        head = self._repository.head()
        changes = difference(self._repository.manifest(head), backup)
        branch = f"unmerged-{backup.folder.name}"
        self._repository.branch(branch, head)
        self._repository.commit(backup.folder, *changes, on=head, branch=branch)
        self._remember(replace(self._record, branch=branch))
        log.error("What is here is in the branch %s of %s", branch, self._repository.name)

    def _remember(self, record: Record) -> None:
        self._record = write_record(self._context.settings, record)
