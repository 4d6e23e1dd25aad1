"""Versions of the policy: publishes what training made, serves it, rolls back."""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from db.models import Adapter, AdapterStatus
from db.registry import adapters
from db.registry.servable import why_not_served
from db.storage.errors import DatabaseError
from ptrapp.core.errors import (
    AdapterRejected,
    AdaptersUnsupported,
    EngineError,
    InputError,
    NotFound,
)
from ptrapp.services.context import AppContext, DataContext

log = logging.getLogger(__name__)

POLL_S = 0.5
"""Seconds between two looks for finished adapters."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version as the Train page lists it."""

    name: str
    parent: str
    status: str
    reason: str | None
    snapshot: str
    metrics: dict[str, float]
    created_at: datetime | None


def listing(context: DataContext) -> list[VersionView]:
    """Returns all versions, newest first, the base model last."""
    with context.database.read() as session:
        rows = adapters.listing(session)
        names: dict[int | None, str] = {row.id: row.name for row in rows}
        serving = any(row.status is AdapterStatus.ACTIVE for row in rows)
        views = [
            VersionView(
                row.name,
                names.get(row.parent_id, "base"),
                row.status.value,
                row.reason,
                row.snapshot.sha256[:12] if row.snapshot else "",
                row.metrics,
                row.created_at,
            )
            for row in rows
        ]
    base = VersionView("base", "", "retired" if serving else "active", None, "", {}, None)
    return [*views, base]


def serving(context: AppContext) -> str:
    """Returns the name of the version that answers the next prompt."""
    with context.database.read() as session:
        active = adapters.active(session)
        return active.name if active else "base"


def serve(context: AppContext, name: str) -> None:
    """Publishes the version, makes it the one that answers, and retires the one before.

    An older name rolls back; `base` serves the bare model. When it raises, the version served
    before stays: `AdapterRejected` (the version is marked so), `AdaptersUnsupported` (it waits for
    another server), `InputError` for one that cannot be served here, or `NotFound`.
    """
    with context.publishing:
        with context.database.read() as session:
            before = adapters.active(session)
            row = None if name == "base" else adapters.by_name(session, name)
        if row is None and name != "base":
            raise NotFound(f"There is no version {name}.")
        if row is not None:
            if mistake := why_not_served(row, context.engine.model_id):
                raise InputError(mistake)
            _publish(context, row)
        with context.database.write() as session:
            chosen = adapters.activate(session, row.id if row else None)
            if chosen is not None:
                chosen.reason = None  # an earlier engine's, if any
        if before and before.name != name:
            context.engine.retire(before.name)
    log.info("serving %s", name)


def roll_back(context: AppContext) -> str:
    """Serves the parent of the version that is served now. Returns its name."""
    with context.database.read() as session:
        active = adapters.active(session)
        if active is None:
            raise InputError("The base model is being served; there is nothing to roll back to.")
        parent = session.get(Adapter, active.parent_id) if active.parent_id else None
        name = parent.name if parent else "base"
    serve(context, name)
    return name


def restore(context: AppContext) -> None:
    """Publishes, at start, the version that was served when the app ended, or the base model."""
    with context.database.read() as session:
        active = adapters.active(session)
    if active is None:
        return
    try:
        serve(context, active.name)
    except (AdapterRejected, AdaptersUnsupported) as error:
        log.error("%s cannot be served, the base model answers instead: %s", active.name, error)
    except InputError as error:
        log.warning("The base model answers: %s", error)
        serve(context, "base")


def _publish(context: AppContext, row: Adapter) -> None:
    if row.name in context.engine.published():
        return
    try:
        context.engine.publish(row.name, Path(row.path))
    except AdapterRejected as error:
        with context.database.write() as session:
            adapters.reject(session, row.id, str(error))
        raise
    except AdaptersUnsupported as error:
        _postpone(context, row, str(error))
        raise


def _postpone(context: AppContext, row: Adapter, reason: str) -> None:
    """Stores why a good version is not served; the next start tries it again.

    A version that was active becomes ready, so that the base model answers.
    """
    with context.database.write() as session:
        adapter = session.get_one(Adapter, row.id)
        adapter.reason = reason
        if adapter.status is AdapterStatus.ACTIVE:
            adapter.status = AdapterStatus.READY


class Publisher:
    """A thread that serves every finished adapter, in order, soon after it is ready."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._postponed: set[str] = set()
        """Versions that this engine would refuse again: the next start tries them."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            try:
                self.publish_ready()
            except (DatabaseError, EngineError) as error:
                log.warning("a version could not be published: %s", error)

    def publish_ready(self) -> None:
        """Serves what is ready; a version that cannot be loaded is marked and the old one stays.

        Where the engine takes no adapters at all, each version is tried once.
        """
        if not self._context.settings.auto_activate:
            return
        with self._context.database.read() as session:
            ready = adapters.ready(session)
        names = [row.name for row in ready if row.base_model == self._context.engine.model_id]
        for name in names:
            if name not in self._postponed:
                self._serve(name)

    def _serve(self, name: str) -> None:
        try:
            serve(self._context, name)
        except AdaptersUnsupported:
            self._postponed.add(name)
            raise
