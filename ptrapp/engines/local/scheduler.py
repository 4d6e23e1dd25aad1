"""Lanes taking turns at the model, people before jobs."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ptrapp.core.types import Policy
from ptrapp.engines.base import Priority
from ptrapp.engines.local.batches import Decoder, Group, Lane

PEOPLE_S = 0.04
"""How long all people together keep the model while a job waits, at least."""
PEOPLE_SHARE = 2.0
"""And at least so many times as long as the job's last step took: two thirds of the time."""


class Turns:
    """Who is next: every lane of people a slice of time, then one lane of a job a single step."""

    def __init__(self, start: Callable[[Policy], Decoder], joined: bool):
        """`start` makes what writes a lane. With `joined` a new group may join a lane's rows;
        otherwise every group has a lane to itself."""
        self._start = start
        self._joined = joined
        self._lanes: deque[Lane] = deque()
        self.job_s = 0.0
        """How long the last step of a job took."""

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __contains__(self, lane: Lane) -> bool:
        return lane in self._lanes

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes))

    def add(self, groups: Sequence[Group]) -> None:
        for group in groups:
            same = (
                lane
                for lane in self._lanes
                if self._joined and (lane.policy, lane.priority) == (group.policy, group.priority)
            )
            lane = next(same, None)
            if lane is None:
                lane = Lane(group.policy, group.priority, self._start(group.policy))
                self._lanes.append(lane)
            lane.add(group)

    def remove(self, group: Group) -> bool:
        """Whether it was still there. A lane ends with its last group."""
        for lane in self._lanes:
            if group in lane.groups:
                lane.remove(group)
                if not lane.groups:
                    self._lanes.remove(lane)
                return True
        return False

    def cycle(self) -> list[tuple[Lane, float]]:
        """The lanes of one cycle and the seconds each may keep the model, 0 for a single step."""
        people = [lane for lane in self._lanes if lane.priority is Priority.PERSON]
        job = next((lane for lane in self._lanes if lane.priority is Priority.JOB), None)
        people_s = max(PEOPLE_S, PEOPLE_SHARE * self.job_s)
        turns = [(lane, people_s / len(people)) for lane in people]
        if job is None:
            return turns
        self._lanes.remove(job)
        self._lanes.append(job)
        return [*turns, (job, 0.0)]
