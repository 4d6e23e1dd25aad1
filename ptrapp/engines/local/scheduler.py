"""Lanes taking turns at the model, people before jobs."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ptrapp.core.types import Policy
from ptrapp.engines.base import Priority
from ptrapp.engines.local.batches import Decoder, RequestBatch, RequestGroup

PEOPLE_S = 0.04
"""How long all people together keep the model while a job waits, at least."""
PEOPLE_SHARE = 2.0
"""And at least so many times as long as the job's last step took: two thirds of the time."""


class Scheduler:
    """Who is next: every lane of people a slice of time, then one lane of a job a single step."""

    def __init__(self, start: Callable[[Policy], Decoder], joined: bool):
        """`start` makes what writes a lane. With `joined` a new group may join a lane's rows;
        otherwise every group has a lane to itself."""
        self._start = start
        self._joined = joined
        self._batches: deque[RequestBatch] = deque()
        self.job_s = 0.0
        """How long the last step of a job took."""

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
                batch = RequestBatch(group.policy, group.priority, self._start(group.policy))
                self._batches.append(batch)
            batch.add(group)

    def remove(self, group: RequestGroup) -> bool:
        """Whether it was still there. A lane ends with its last group."""
        for batch in self._batches:
            if group in batch.groups:
                batch.remove(group)
                if not batch.groups:
                    self._batches.remove(batch)
                return True
        return False

    def cycle(self) -> list[tuple[RequestBatch, float]]:
        """The lanes of one cycle and the seconds each may keep the model, 0 for a single step."""
        people = [batch for batch in self._batches if batch.priority is Priority.PERSON]
        job = next((batch for batch in self._batches if batch.priority is Priority.JOB), None)
        people_s = max(PEOPLE_S, PEOPLE_SHARE * self.job_s)
        turns = [(batch, people_s / len(people)) for batch in people]
        if job is None:
            return turns
        self._batches.remove(job)
        self._batches.append(job)
        return [*turns, (job, 0.0)]
