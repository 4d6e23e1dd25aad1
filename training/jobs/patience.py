"""Waits for the artifact store, so that no training is lost because it does not answer."""

import logging
from collections.abc import Callable
from typing import TypeVar

from ptrapp.core.errors import ArtifactsAway
from training.jobs.claim import Claim, StopRequested

log = logging.getLogger(__name__)

FIRST_S, LAST_S = 5.0, 60.0
"""Seconds until it is tried again, doubled each time up to the last."""
WAITING = "waiting for the artifact store"
T = TypeVar("T")


def patiently(claim: Claim, ask: Callable[[], T]) -> T:
    """Returns what `ask` returns, once the store answers.

    The job says that it waits, and keeps its claim; one that is ended or taken over meanwhile goes
    on from its last checkpoint. Raises `StopRequested`.
    """
    pause_s = FIRST_S
    while True:
        try:
            return ask()
        except ArtifactsAway as error:
            log.warning("%s; trying again in %g s", error, pause_s)
            claim.enter(WAITING)
            claim.note(f"This waits: {error}. It is tried again until it answers.", "warning")
            if claim.stop.wait(pause_s):
                raise StopRequested from error
            pause_s = min(LAST_S, 2 * pause_s)
