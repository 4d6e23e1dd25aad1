"""Which waiting rows a batch admits, and when."""

from collections.abc import Collection, Sequence
from queue import SimpleQueue
from typing import Any

import pytest

from ptrapp.core.thoughts import TINY
from ptrapp.core.types import BASE, FinishReason, Sampling
from ptrapp.engines.base import Priority
from ptrapp.engines.local.batches import RequestBatch, RequestGroup, RequestState, new_row
from ptrapp.engines.local.rows import Row
from ptrapp.engines.local.transcript import Transcript


class Decoder:
    """Finishes one row at each step, and remembers how many came in together."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.came: list[int] = []

    def add(self, rows: Sequence[Row]) -> None:
        self.rows += rows
        self.came.append(len(rows))

    def drop(self, rows: Collection[Row]) -> None:
        self.rows = [row for row in self.rows if row not in rows]

    def step(self) -> list[Row]:
        row = self.rows.pop(0)
        row.take(1, 0.0, 1.0, {1})
        assert row.finish is FinishReason.STOP
        return [row]


def states(n: int) -> tuple[RequestState, ...]:
    events: SimpleQueue[Any] = SimpleQueue()
    return tuple(
        RequestState(
            number,
            new_row([5, number], Sampling(), 10),
            Transcript(lambda ids: "", TINY, True),
            events,
            0.0,
            False,
        )
        for number in range(n)
    )


@pytest.mark.parametrize(
    ("priority", "came"), [(Priority.JOB, [4, 2, 2, 2]), (Priority.PERSON, [4] + [1] * 6)]
)
def test_a_job_is_refilled_by_halves_and_people_at_once(
    priority: Priority, came: list[int]
) -> None:
    decoder = Decoder()
    batch = RequestBatch(BASE, priority, decoder, max_rows=4)
    batch.add(RequestGroup(BASE, priority, states(10)))

    for _ in range(10):
        assert batch.step()

    assert decoder.came == came
    assert not decoder.rows
