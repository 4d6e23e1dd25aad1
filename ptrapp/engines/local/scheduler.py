"""Schedules batches on the model, people before jobs."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ptrapp.core.types import Policy
from ptrapp.engines.base import Priority
from ptrapp.engines.local.batches import MAX_ROWS, Decoder, RequestBatch, RequestGroup

MIN_PEOPLE_S = 0.04
"""Least time that all people's batches together get before a waiting job's step."""
PEOPLE_SHARE = 2.0
"""Least ratio of that time to the job's last step: people get two thirds of the time."""


class Scheduler:
    """Orders batches: each of people gets a time slice, then one of a job a single step."""

    def __init__(self, start: Callable[[Policy], Decoder], joined: bool, job_rows: int = MAX_ROWS):
        """Takes the maker of a batch's decoder, and how many rows of a job it decodes at once. With
        `joined` groups of one policy and priority share a batch; otherwise every group has its
        own."""
        self._start = start
        self._joined = joined
        self._max_rows = {Priority.PERSON: MAX_ROWS, Priority.JOB: job_rows}
        self._batches: deque[RequestBatch] = deque()
        self.job_s = 0.0
        """Seconds that the last step of a job took."""

    def __bool__(self) -> bool:
        return bool(self._batches)

    def __contains__(self, batch: RequestBatch) -> bool:
        return batch in self._batches

    def __iter__(self) -> Iterator[RequestBatch]:
        return iter(tuple(self._batches))

    def add(self, groups: Sequence[RequestGroup]) -> None:
        for group in groups:
            same = (
                batch
                for batch in self._batches
                if self._joined and (batch.policy, batch.priority) == (group.policy, group.priority)
            )
            batch = next(same, None)
            if batch is None:
                policy, priority = group.policy, group.priority
                limit = self._max_rows[priority]
                batch = RequestBatch(policy, priority, self._start(policy), limit)
                self._batches.append(batch)
            batch.add(group)

    def remove(self, group: RequestGroup) -> bool:
        """Removes a group, and its batch with the last one; returns whether it was still there."""
        for batch in self._batches:
            if group in batch.groups:
                batch.remove(group)
                if not batch.groups:
                    self._batches.remove(batch)
                return True
        return False

    def discard(self, batch: RequestBatch) -> None:
        """Forgets a batch without asking its decoder."""
        if batch in self._batches:
            self._batches.remove(batch)

    def cycle(self) -> list[tuple[RequestBatch, float]]:
        """Returns the batches of one cycle and the time slice of each, 0 for a single step."""
        people = [batch for batch in self._batches if batch.priority is Priority.PERSON]
        job = next((batch for batch in self._batches if batch.priority is Priority.JOB), None)
        people_s = max(MIN_PEOPLE_S, PEOPLE_SHARE * self.job_s)
        slices = [(batch, people_s / len(people)) for batch in people]
        if job is None:
            return slices
        self._batches.remove(job)
        self._batches.append(job)
        return [*slices, (job, 0.0)]
