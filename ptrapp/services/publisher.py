"""The publisher: has every finished version measured, and serves what passes the gate."""

import logging
import math
import threading
import time

from db.models import Adapter
from db.registry import gates
from db.registry.servable import why_not_served
from db.storage.errors import DatabaseError
from ptrapp.artifacts.store import open_store
from ptrapp.core.errors import AdaptersUnsupported, AdapterUnavailable, EngineError
from ptrapp.services import gate, other_apps, retiring, versions
from ptrapp.services.context import AppContext

log = logging.getLogger(__name__)

POLL_S = 0.5
"""Seconds between two looks for finished adapters."""
LONGEST_S = 8.0
"""The same while one fails, doubled each time up to this."""
RETRY_S = 60.0
"""Seconds until a version that the artifact store lacks, or that is another model's, is looked at
again."""


class Publisher:
    """A thread that has every finished adapter measured, and serves what passes the gate."""

    def __init__(self, context: AppContext) -> None:
        """Raises `ConfigurationError` for a gate that could measure nothing, and for an artifact
        store that nothing here opens."""
        gate.check(context.settings)
        open_store(context.settings)
        self._context = context
        self._postponed: dict[tuple[str, str], float] = {}
        """Base models and versions that cannot be served now, and when they are tried again: at the
        next start, or before where that may have changed by then."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        pause_s = POLL_S
        while not self._stop.wait(pause_s):
            try:
                other_apps.follow(self._context)
                retiring.unload_due(self._context)
                self.publish_ready()
                pause_s = POLL_S
            except (DatabaseError, EngineError) as error:
                log.warning("a version could not be published: %s", error)
                pause_s = min(LONGEST_S, 2 * pause_s)

    def publish_ready(self) -> None:
        """Serves what is ready and has passed the gate, the oldest first.

        One that cannot be served now is tried once, and again at the next start. What a person
        decides on is measured as well. A look where nothing is to be done is one statement,
        however many versions wait for a person.
        """
        serves = self._context.settings.auto_activate
        with self._context.database.read() as session:
            undecided = gates.undecided(session, serves=serves)
        model = self._context.engine.model_id
        for adapter_id, name in undecided:
            if self._postponed.get((model, name), 0.0) > time.monotonic():
                continue
            if not self._is_of_model(adapter_id, model):
                self._postponed[model, name] = time.monotonic() + RETRY_S
            elif gate.may_serve(self._context, adapter_id) and serves:
                self._serve(model, name)

    def _is_of_model(self, adapter_id: int, model: str) -> bool:
        with self._context.database.read() as session:
            version = session.get_one(Adapter, adapter_id)
        return why_not_served(version, model, self._context.settings.data_dir) is None

    def _serve(self, model: str, name: str) -> None:
        try:
            versions.serve(self._context, name)
        except (AdapterUnavailable, AdaptersUnsupported):
            later = time.monotonic() + RETRY_S
            self._postponed[model, name] = later if self._context.settings.artifacts else math.inf
            raise
