"""The processes of one job, of which the leader alone writes; a single process is its leader.

`accelerate launch` (or torchrun) starts several, and gives each its rank in the environment.
"""

from collections.abc import Sequence
from typing import TypeVar

from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

T = TypeVar("T")


class Ranks:
    """The rank of this process among those of its job."""

    def __init__(self, state: PartialState) -> None:
        self._state = state

    @classmethod
    def join(cls, *, cpu: bool) -> "Ranks":
        """Joins the other processes; returns at once when there are none."""
        return cls(PartialState(cpu=cpu))

    @property
    def n(self) -> int:
        return int(self._state.num_processes)

    @property
    def index(self) -> int:
        return int(self._state.process_index)

    @property
    def leads(self) -> bool:
        return bool(self._state.is_main_process)

    def wait(self) -> None:
        """Waits until every process has called this."""
        self._state.wait_for_everyone()

    def any(self, value: bool) -> bool:
        """Returns whether the value is true in any process. Every process must call this."""
        return any(self.gather([value]))

    def gather(self, values: Sequence[T]) -> list[T]:
        """Returns the values of all processes, in the order of their ranks."""
        return list(gather_object(list(values))) if self.n > 1 else list(values)

    def broadcast(self, value: T) -> T:
        """Returns the leader's value."""
        if self.n > 1:
            value = broadcast_object_list([value])[0]
        return value
