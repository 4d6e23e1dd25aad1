"""Reads what is kept in memory before somebody asks for it: the first visit of Train, Agreement,
Versions or Data would else wait for a second or more where many votes are stored."""

import gc
import logging

from db.storage.errors import DatabaseError
from ptrapp.services.context import AppContext

log = logging.getLogger(__name__)


def read_ahead(context: AppContext) -> None:
    """Reads it, one after the other; whoever asks meanwhile waits for the rest, not for all.

    It stays, as pages do that were built since the start: no later search for garbage goes through
    them, for which everybody would wait 30 to 50 ms.
    """
    try:
        votes = (context.weighed, context.labels, context.games, context.work)
        for kept in (*votes, context.stored, context.refined):
            with context.database.read() as session:
                kept.current(session)
    except DatabaseError as error:  # whoever asks is told, and reads then
        log.debug("nothing is read ahead: %s", error)
    gc.freeze()
