"""The processes of one job: one is the leader, who alone writes; a lone process leads itself.

`accelerate launch` (or torchrun) starts several, and tells each its place in the environment.
"""

from collections.abc import Sequence
from typing import TypeVar

from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

T = TypeVar("T")


class Ranks:
    """Where this process stands among those of its job."""

    def __init__(self, state: PartialState) -> None:
        self._state = state

    @classmethod
    def join(cls, *, cpu: bool) -> "Ranks":
        """Meet the other processes; returns at once when there are none."""
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
        """Until every process is here."""
        self._state.wait_for_everyone()

    def any(self, mine: bool) -> bool:
        """Whether it is so in any process. All of them must ask."""
        return any(self.gather([mine]))

    def gather(self, mine: Sequence[T]) -> list[T]:
        """What all processes hold, in the order of their places."""
        return list(gather_object(list(mine))) if self.n > 1 else list(mine)

    def told(self, value: T) -> T:
        """What the leader holds."""
        if self.n > 1:
            value = broadcast_object_list([value])[0]
        return value
