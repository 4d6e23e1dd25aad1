"""Unloads versions that no longer serve, once no app on this database asks them any more.

Several apps may have one server of models: what one of them unloads there is gone for the others.
"""

import time

from db.content import rounds
from db.registry import adapters
from db.storage.presence import At
from ptrapp.services.context import AppContext

GRACE_S = 2.0
"""Seconds in which other apps follow to the version that serves now; they look twice in one."""


def retire(context: AppContext, name: str) -> None:
    """Lets a version go in this app's engine: at once, or after the others on the same server."""
    if context.database.presence.is_shared and context.settings.engine != "local":
        context.retiring[name] = time.monotonic()
    else:
        context.engine.retire(name)


def unload_due(context: AppContext) -> None:
    """Lets go what no run of another app asks, some time after it was retired."""
    before = time.monotonic() - GRACE_S
    with context.publishing:
        due = [name for name, since in context.retiring.items() if since <= before]
        asked = _asked_elsewhere(context) if due else set()
        for name in due:
            if name not in asked:
                del context.retiring[name]
                context.engine.retire(name)


def _asked_elsewhere(context: AppContext) -> set[str]:
    """Returns the names of the versions that runs of other apps ask now."""
    runs = context.database.presence.elsewhere(At.RUN)
    if not runs:
        return set()
    with context.database.read() as session:
        asked = rounds.versions_asked(session, runs)
        return {row.name for row in adapters.listing(session) if row.id in asked}
