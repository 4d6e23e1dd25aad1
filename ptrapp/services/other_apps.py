"""What several apps on one PostgreSQL know of each other: whose a run is, and what serves.

An app that is killed leaves its runs to the others: one of them says that they ended.
"""

import logging
import threading
import time

from db.content import rounds
from db.models import Run, RunMode, RunState
from db.registry import adapters
from db.registry.contents import Content
from db.registry.servable import why_not_served
from db.registry.stored_paths import located
from db.storage.errors import DatabaseError
from db.storage.presence import At
from ptrapp.artifacts.rows import find_version
from ptrapp.core.errors import AdapterUnavailable
from ptrapp.core.thoughts import Thinking
from ptrapp.services import retiring
from ptrapp.services.context import AppContext, LiveRun, Slot

log = logging.getLogger(__name__)

POLL_S = 0.5
"""Seconds until a run that was stopped at another app ends."""
CLEAR_S = 5.0
"""Seconds between two looks for runs of apps that are gone; their boards tell it at once."""


def abandon_runs(context: AppContext) -> int:
    """Ends the runs of apps that are gone. Returns how many."""
    presence = context.database.presence
    with context.database.read() as session:
        seen = rounds.running(session)
    if presence.is_shared and not seen:
        return 0
    # A run that began after it was read is not among those seen; one that ended is not running.
    alive = presence.anywhere(At.RUN) | context.live.keys()
    with context.database.write() as session:
        begun_since = set(rounds.running(session)) - set(seen)
        return rounds.abandon_runs(session, alive | begun_since)


def written_elsewhere(context: AppContext, run: Run) -> LiveRun | None:
    """Returns the places of a run that another app is writing; None where none is.

    What is being written is not known here before it is stored.
    """
    if run.state is not RunState.RUNNING or run.id in context.live:
        return None
    if run.id not in context.database.presence.elsewhere(At.RUN):
        return None
    thinking = Thinking(run.settings["thinking"])
    n = int(run.settings["n"])
    if run.mode is RunMode.REFINE:
        slots = [Slot(index, 0, thinking.at(index)) for index in range(n)]
        under_way = slots[len(run.rounds) : len(run.rounds) + 1]
    else:
        slots = [Slot(0, candidate, thinking.at(0)) for candidate in range(n)]
        under_way = slots
    for slot in under_way:
        slot.state = "writing"
    return LiveRun(run.id, slots)


def follow(context: AppContext) -> None:
    """Loads the version that another app on this database made the one that answers.

    Raises `EngineError` where it cannot be loaded here; for the others it serves all the same.
    """
    if not context.database.presence.is_shared:
        return
    with context.database.read() as session:
        active = adapters.active(session)
    if active is None or active.name in context.engine.published():
        return
    data_dir = context.settings.data_dir
    with context.publishing:
        before = context.engine.published()
        if active.name in before or why_not_served(active, context.engine.model_id, data_dir):
            return
        content, where = find_version(context.settings, active)
        if content is not Content.WHOLE:
            raise AdapterUnavailable(f"{active.name} cannot be served here: {where}")
        context.engine.publish(active.name, located(active.path, data_dir))
        for name in before:
            retiring.retire(context, name)
        context.retiring.pop(active.name, None)
    log.info("serving %s, as another app does", active.name)


class OtherApps:
    """A thread that stops here what was stopped elsewhere, and ends what apps that died left."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="other-apps", daemon=True)

    def start(self) -> None:
        if self._context.database.presence.is_shared:
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def look(self) -> None:
        """Stops what runs here and was stopped elsewhere."""
        if live := list(self._context.live.values()):
            with self._context.database.read() as session:
                running = set(rounds.running(session))
            for each in live:
                if each.run_id not in running:
                    each.stop.set()

    def clear(self) -> None:
        """Ends the runs of apps that are gone, where this app does the chores."""
        if self._context.database.presence.take(At.CHORES):
            abandon_runs(self._context)

    def _watch(self) -> None:
        cleared, said = time.monotonic(), ""
        while not self._stop.wait(POLL_S):
            try:
                self.look()
                if time.monotonic() - cleared >= CLEAR_S:
                    self.clear()
                    cleared = time.monotonic()
                said = ""
            except DatabaseError as error:
                if str(error) != said:  # it may be away for an hour
                    log.warning("nothing is known of other apps for now: %s", error)
                said = str(error)
