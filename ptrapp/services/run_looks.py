"""Reads a run with its rounds, anew only where a look finds that something of it has changed.

Whoever watches a run in progress looks at it many times a second.
"""

from db.labelling import offers
from db.labelling.offers import Look
from db.models import Run
from ptrapp.services.context import AppContext, LiveRun
from ptrapp.services.play import load


def load_looked_at(
    context: AppContext, live: LiveRun | None, run_id: int, rater: str
) -> tuple[Run, Look]:
    """Returns a run, and a look at it for a rater that is no older. Raises `NotFound`.

    `live` is what it is while it is written here, and keeps what was read of it.
    """
    if live is None:
        return load(context, run_id), _look(context, run_id, rater)
    look = _look(context, run_id, rater)
    if (known := live.loaded) is not None and known[0] == look.stamp:
        return known[1], look
    run = load(context, run_id)
    live.loaded = look.stamp, run
    return run, _look(context, run_id, rater)


def _look(context: AppContext, run_id: int, rater: str) -> Look:
    with context.database.read() as session:
        return offers.look(session, run_id, rater)
