"""Pauses jobs that found the disk full: none is begun until there is more room than then."""

import logging
import time
from pathlib import Path

from db.registry import jobs
from db.storage.errors import Conflict
from db.storage.session import Session
from ptrapp.core import disk

log = logging.getLogger(__name__)

MORE_BYTES = 8 << 20
"""How much more room than at the failure is taken for room that somebody made."""
FIRST_RETRY_S, LAST_RETRY_S = 15.0, 600.0
"""Seconds after which it is tried all the same, doubled each time up to the last: room may
have been made before it was measured, and another disk or a quota may be the cause."""
PAUSED = "paused: the disk is full; goes on by itself when there is room"
NOTE = (
    "The disk was full. The job was paused; it goes on from its last checkpoint by itself when "
    "there is room."
)


class RoomWatch:
    """What a worker knows of the disk of its data folder, and of the jobs that had no room."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free_then: int | None = None
        self._retry_at = 0.0
        self._retry_s = FIRST_RETRY_S
        self._paused: list[tuple[int, str]] = []
        """Id and token of jobs that are still to be put back."""

    def pause(self, job_id: int, token: str) -> None:
        """Notes that a job has just failed for want of room, where no row could be written."""
        log.error("job %d: %s", job_id, PAUSED)
        self._free_then = disk.free_bytes(self._folder)
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(LAST_RETRY_S, 2 * self._retry_s)
        self._paused.append((job_id, token))

    def put_back(self, session: Session) -> None:
        """Puts such jobs back in the queue, for which there may be no room yet.

        The caller calls `forget` once that is committed.
        """
        for job_id, token in self._paused:
            try:
                jobs.progress(session, job_id, token, phase=PAUSED)
                jobs.note(session, job_id, token, "warning", NOTE)
                jobs.release(session, job_id, token)
            except Conflict as error:  # taken over meanwhile
                log.warning("%s", error)

    def forget(self) -> None:
        """Forgets the jobs that were put back."""
        self._paused.clear()

    def is_lacking(self) -> bool:
        """Returns whether there is still no more room than when a job failed for want of it."""
        if self._free_then is None:
            return False
        made = disk.free_bytes(self._folder) - self._free_then
        if made >= MORE_BYTES:
            self._retry_s = FIRST_RETRY_S
        elif time.monotonic() < self._retry_at:
            return True
        self._free_then = None
        return False
