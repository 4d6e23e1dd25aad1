"""Groups of rows taking turns at the model, so that a big job does not freeze a person's prompt."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from ptrapp.core.errors import EngineError
from ptrapp.core.types import Policy, Sampling
from ptrapp.engines.base import Delta, Event, Failed, Finished
from ptrapp.engines.decoding import Batch, Row
from ptrapp.engines.transcript import Transcript

MAX_ROWS = 64
"""Rows decoded together: more of them gain little and a step gets long (`bench.engine`)."""
MAX_TOKENS = 65_536
"""Tokens of the rows decoded together, answers and padding included: a bound on the cache."""
SMALL_ROWS = 8
"""A group of so many rows has a person waiting for it: it goes first and takes several steps."""
SMALL_S = 0.04
"""How long all small groups together keep the model while a big one waits."""
DELTA_S = 0.05
"""Shortest time between two deltas of a row; longer in a bigger batch, where nobody reads along."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One admitted request: the row being written and the way back to who asked."""

    index: int
    row: Row
    transcript: Transcript
    events: SimpleQueue[Event]
    started: float
    show_logps: bool = False
    shown_at: float = 0.0

    def report(self, pause_s: float) -> None:
        """Send what is new: the end at once, a delta when the last one is `pause_s` ago."""
        now = time.monotonic()
        if self.row.finish is not None:
            completion = self.transcript.completion(
                self.row.token_ids,
                self.row.times,
                started=self.started,
                finish=self.row.finish,
                logps=self.row.logps,
                show_logps=self.show_logps,
            )
            self.events.put(Finished(self.index, completion))
        elif now - self.shown_at >= pause_s:
            self.shown_at = now
            parts = self.transcript.so_far(self.row.token_ids)
            self.events.put(Delta(self.index, parts, len(self.row.token_ids), now - self.started))


@dataclass(slots=True, eq=False)
class Group:
    """Requests of one call and policy, cut into batches that are decoded one after another."""

    policy: Policy
    waiting: deque[list[Ticket]]
    n_rows: int
    batch: Batch | None = None
    writing: dict[Row, Ticket] = field(default_factory=dict)

    @property
    def small(self) -> bool:
        return self.n_rows <= SMALL_ROWS

    @property
    def done(self) -> bool:
        return not self.writing and not self.waiting

    def step(self, start: Callable[[Sequence[Row]], Batch]) -> None:
        """Do one piece of work. The group's policy must be active and it must not be done."""
        if not self.writing:
            self.writing = {ticket.row: ticket for ticket in self.waiting.popleft()}
            self.batch = start(list(self.writing))
        assert self.batch is not None
        pause_s = DELTA_S * max(1.0, len(self.writing) / SMALL_ROWS)
        for row in self.batch.step():
            self.writing[row].report(pause_s)
            if row.finish is not None:
                del self.writing[row]
        if not self.writing:
            self.batch = None

    def fail(self, error: EngineError) -> None:
        for ticket in [*self.writing.values(), *(one for cut in self.waiting for one in cut)]:
            ticket.events.put(Failed(ticket.index, error))
        self.writing, self.batch = {}, None
        self.waiting.clear()


def new_row(prompt: Sequence[int], sampling: Sampling, room: int) -> Row:
    n_max = min(sampling.max_tokens, room)
    return Row(tuple(prompt), sampling, n_max, random.Random(sampling.seed))


def cut(tickets: Sequence[Ticket], batched: bool) -> deque[list[Ticket]]:
    """Cut into batches, longest prompts first: neighbours pad little, equal ones are together."""
    if not batched:
        return deque([ticket] for ticket in tickets)
    ordered = sorted(tickets, key=lambda one: (len(one.row.prompt), one.row.prompt), reverse=True)
    batches: deque[list[Ticket]] = deque()
    width = n_max = 0
    for ticket in ordered:
        n_max = max(n_max, ticket.row.n_max)
        n_rows = len(batches[-1]) + 1 if batches else 0
        if not batches or n_rows > MAX_ROWS or n_rows * (width + n_max) > MAX_TOKENS:
            width, n_max = len(ticket.row.prompt), ticket.row.n_max
            batches.append([])
        batches[-1].append(ticket)
    return batches


class Turns:
    """Who is next: every small group a slice of time, then one big group a single step."""

    def __init__(self) -> None:
        self._groups: deque[Group] = deque()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __iter__(self) -> Iterator[Group]:
        return iter(tuple(self._groups))

    def add(self, groups: Sequence[Group]) -> None:
        self._groups.extend(group for group in groups if not group.done)

    def remove(self, group: Group) -> bool:
        """Whether it was still there."""
        present = group in self._groups
        if present:
            self._groups.remove(group)
        return present

    def cycle(self) -> list[tuple[Group, float]]:
        """The groups of one cycle and the seconds each may keep the model, 0 for a single step."""
        small = [group for group in self._groups if group.small]
        big = next((group for group in self._groups if not group.small), None)
        if big is not None:
            self._groups.remove(big)
            self._groups.append(big)
        turns = [(group, SMALL_S / len(small)) for group in small]
        return turns if big is None else [*turns, (big, 0.0)]
