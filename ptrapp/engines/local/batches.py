"""Batches the requests of one policy and priority, whoever sent them and whenever they came."""

import random
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from ptrapp.core.errors import EngineError
from ptrapp.core.types import Policy, Sampling
from ptrapp.engines.base import Delta, Event, Failed, Finished, Priority
from ptrapp.engines.local.rows import Row, ThoughtPlan
from ptrapp.engines.local.transcript import Transcript

MAX_ROWS = 256
"""Rows decoded together. The limit is high: who waits for others to finish waits longer than who
shares each step with them."""
JOB_ROWS_ON_CPU = 64
"""Rows of a job on a CPU, which gains little from more, and whose steps get long."""
REFILL = 0.5
"""A job's batch admits new rows once no more than this share of its rows is left."""
MAX_TOKENS = 65_536
"""Tokens of the rows decoded together, answers and padding included: a bound on the cache."""
MAX_INTERACTIVE_ROWS = 8
"""A person's call for more rows than this is treated as a job: nobody reads so many at once."""
DELTA_INTERVAL_S = 0.05
"""Shortest time between two deltas of a row; longer in a bigger batch."""


class Decoder(Protocol):
    """Decodes a batch's rows. The model thread calls it while the batch's policy is active."""

    def add(self, rows: Sequence[Row]) -> None: ...

    def drop(self, rows: Collection[Row]) -> None: ...

    def step(self) -> Sequence[Row]:
        """Runs one forward; returns the rows that got a token, finished ones included."""
        ...


@dataclass(slots=True, eq=False)
class RequestState:
    """One admitted request: the row being decoded and the queue of its events."""

    index: int
    row: Row
    transcript: Transcript
    events: SimpleQueue[Event]
    started: float
    show_logps: bool = False
    shown_at: float = 0.0

    def report(self, pause_s: float) -> None:
        """Sends a finished row at once, and a delta if the last one is `pause_s` ago."""
        now = time.monotonic()
        if self.row.finish is not None:
            completion = self.transcript.completion(
                self.row.token_ids,
                self.row.times,
                started=self.started,
                finish=self.row.finish,
                logps=self.row.logps,
                show_logps=self.show_logps,
                thought_end=self.row.thought_end,
                asked_again=self.row.asked_again,
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
    """JOB also for a person's call of more than `MAX_INTERACTIVE_ROWS` rows."""
    states: tuple[RequestState, ...]

    @property
    def done(self) -> bool:
        return all(state.row.finish is not None for state in self.states)

    def fail(self, error: EngineError) -> None:
        """Sends every request without an end a failure."""
        for state in self.states:
            if state.row.finish is None:
                state.events.put(Failed(state.index, error))


class RequestBatch:
    """The groups of one policy and priority, of which as many rows are decoded as there is room."""

    def __init__(
        self, policy: Policy, priority: Priority, decoder: Decoder, max_rows: int = MAX_ROWS
    ):
        self.policy = policy
        self.priority = priority
        self._max_rows = max_rows
        self.groups: list[RequestGroup] = []
        self._decoder = decoder
        self._waiting: deque[RequestState] = deque()
        self._decoding: dict[Row, RequestState] = {}

    def add(self, group: RequestGroup) -> None:
        """Queues a group's rows, longest prompts first, so that rows admitted together pad little
        and equal prompts are read once."""
        self.groups.append(group)
        self._waiting.extend(
            sorted(group.states, key=lambda one: (-len(one.row.prompt), one.row.prompt))
        )

    def remove(self, group: RequestGroup) -> None:
        self.groups.remove(group)
        removed = {state.row for state in group.states}
        self._waiting = deque(state for state in self._waiting if state.row not in removed)
        if dropped := removed & self._decoding.keys():
            self._decoder.drop(dropped)
            for row in dropped:
                del self._decoding[row]

    def step(self) -> bool:
        """Runs one forward while the policy is active; returns whether it finished a row."""
        self._admit()
        ended = False
        pause_s = DELTA_INTERVAL_S * max(1.0, len(self._decoding) / MAX_INTERACTIVE_ROWS)
        for row in self._decoder.step():
            self._decoding[row].report(pause_s)
            if row.finish is not None:
                del self._decoding[row]
                ended = True
        return ended

    def _admit(self) -> None:
        """Admits waiting rows in order while there is room; an empty batch admits at least one.

        A job waits until many rows can be admitted at once: each admission copies all rows into a
        new cache and reads prompts in steps of their own, and nobody watches a job's first token.
        """
        if self.priority is Priority.JOB and len(self._decoding) > REFILL * self._max_rows:
            return
        width = max((_max_tokens(row) for row in self._decoding), default=0)
        joining: list[RequestState] = []
        while self._waiting:
            n_rows = len(self._decoding) + len(joining) + 1
            width = max(width, _max_tokens(self._waiting[0].row))
            full = n_rows > self._max_rows or n_rows * width > MAX_TOKENS
            if full and n_rows > 1:
                break
            joining.append(self._waiting.popleft())
        if joining:
            self._decoding |= {state.row: state for state in joining}
            self._decoder.add([state.row for state in joining])


def new_group(policy: Policy, priority: Priority, states: Sequence[RequestState]) -> RequestGroup:
    many = len(states) > MAX_INTERACTIVE_ROWS
    return RequestGroup(policy, Priority.JOB if many else priority, tuple(states))


def new_row(
    prompt: Sequence[int],
    sampling: Sampling,
    room: int,
    *,
    thought: ThoughtPlan | None = None,
    is_blank: Callable[[Sequence[int]], bool] | None = None,
) -> Row:
    """Returns the row of a request whose context has room for so many more tokens."""
    n_thought = thought.n_max + max(len(thought.closing), 1) if thought else 0
    n_max = min(n_thought + sampling.max_tokens, room)
    drawn = random.Random(sampling.seed)
    return Row(tuple(prompt), sampling, n_max, drawn, thought, is_blank)


def _max_tokens(row: Row) -> int:
    return len(row.prompt) + row.n_max
