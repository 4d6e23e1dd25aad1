"""Requests of one policy that are answered together, whoever asked and whenever they came."""

import random
import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from ptrapp.core.errors import EngineError
from ptrapp.core.types import Policy, Sampling
from ptrapp.engines.base import Delta, Event, Failed, Finished, Priority
from ptrapp.engines.local.decoding import Row
from ptrapp.engines.local.transcript import Transcript

MOST_ROWS = {Priority.PERSON: 256, Priority.JOB: 64}
"""Rows written together. A job gains little from more and its steps get long; a person who came
late would wait for others to finish, where sharing each step costs no more than taking turns."""
REFILL = 0.5
"""Share of a job's rows that is left when others may come in."""
MOST_TOKENS = 65_536
"""Tokens of the rows written together, answers and padding included: a bound on the cache."""
FEW_ROWS = 8
"""A call for so many rows may have a person waiting for it; one for more is treated as a job."""
DELTA_S = 0.05
"""Shortest time between two deltas of a row; longer in a bigger batch, where nobody reads along."""


class Decoder(Protocol):
    """What writes the rows of a lane. Methods of the owner thread, the lane's policy active."""

    def add(self, rows: Sequence[Row]) -> None: ...

    def drop(self, rows: Collection[Row]) -> None: ...

    def step(self) -> Sequence[Row]:
        """Do one piece of work; return the rows that got a token, finished ones included."""
        ...


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


@dataclass(frozen=True, slots=True, eq=False)
class RequestGroup:
    """The requests of one call for one policy; they are cancelled together."""

    policy: Policy
    priority: Priority
    """Of a job too when a person asks for more rows than could be read."""
    tickets: tuple[Ticket, ...]

    @property
    def done(self) -> bool:
        return all(ticket.row.finish is not None for ticket in self.tickets)


class RequestBatch:
    """The groups of one policy and priority: as many rows as there is room for are written."""

    def __init__(self, policy: Policy, priority: Priority, decoder: Decoder):
        self.policy = policy
        self.priority = priority
        self.groups: list[RequestGroup] = []
        self._decoder = decoder
        self._waiting: deque[Ticket] = deque()
        self._writing: dict[Row, Ticket] = {}

    def add(self, group: RequestGroup) -> None:
        """Take a group in, longest prompts first: so neighbours pad little and equal ones meet."""
        self.groups.append(group)
        self._waiting.extend(
            sorted(group.tickets, key=lambda one: (-len(one.row.prompt), one.row.prompt))
        )

    def remove(self, group: RequestGroup) -> None:
        self.groups.remove(group)
        gone = {ticket.row for ticket in group.tickets}
        self._waiting = deque(ticket for ticket in self._waiting if ticket.row not in gone)
        if dropped := gone & self._writing.keys():
            self._decoder.drop(dropped)
            for row in dropped:
                del self._writing[row]

    def step(self) -> bool:
        """Do one piece of work, the policy being active. Whether a row was finished by it."""
        self._admit()
        ended = False
        pause_s = DELTA_S * max(1.0, len(self._writing) / FEW_ROWS)
        for row in self._decoder.step():
            self._writing[row].report(pause_s)
            if row.finish is not None:
                del self._writing[row]
                ended = True
        return ended

    def fail(self, error: EngineError) -> None:
        """Tell everybody who waits; the groups are still to be removed."""
        for ticket in [*self._writing.values(), *self._waiting]:
            ticket.events.put(Failed(ticket.index, error))

    def _admit(self) -> None:
        """Let those in for whom there is room, in their order; somebody always is.

        A job waits until many can come in at once: whoever joins has all rows copied into a new
        cache, and is read for in a step of its own. Nobody watches a job's first token.
        """
        if self.priority is Priority.JOB and len(self._writing) > REFILL * MOST_ROWS[Priority.JOB]:
            return
        width = max((_most_tokens(row) for row in self._writing), default=0)
        joining: list[Ticket] = []
        while self._waiting:
            n_rows = len(self._writing) + len(joining) + 1
            width = max(width, _most_tokens(self._waiting[0].row))
            full = n_rows > MOST_ROWS[self.priority] or n_rows * width > MOST_TOKENS
            if full and n_rows > 1:
                break
            joining.append(self._waiting.popleft())
        if joining:
            self._writing |= {ticket.row: ticket for ticket in joining}
            self._decoder.add([ticket.row for ticket in joining])


def new_group(policy: Policy, priority: Priority, tickets: Sequence[Ticket]) -> RequestGroup:
    many = len(tickets) > FEW_ROWS
    return RequestGroup(policy, Priority.JOB if many else priority, tuple(tickets))


def new_row(prompt: Sequence[int], sampling: Sampling, room: int) -> Row:
    n_max = min(sampling.max_tokens, room)
    return Row(tuple(prompt), sampling, n_max, random.Random(sampling.seed))


def _most_tokens(row: Row) -> int:
    return len(row.prompt) + row.n_max
