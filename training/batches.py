"""Which examples make an optimiser step, and how a step is cut so that it fits in memory."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from training.encode import Encoded
from training.segments import Segment, Segments


class Rows(StrEnum):
    """How the sequences of a micro-batch lie in memory."""

    SEGMENTS = "segments"
    """All in one row, prompts shared, nothing padded."""
    PADDED = "padded"
    """One sequence a row, padded on the right: what every model can read."""


@dataclass(frozen=True, eq=False)
class Moved:
    """Something with tensors that moves to a device as a whole."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        values = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(_moved(value, device, non_blocking) for value in values))


@dataclass(frozen=True, eq=False)
class Inputs(Moved):
    """What the model reads."""

    input_ids: Tensor
    """(B, T); a flat row has B = 1."""
    position_ids: Tensor
    """(B, T), counted from the start of each sequence."""
    segments: Segments | None
    """Who sees whom in a flat row. Padded rows need no mask: what is padded comes after everything
    that is scored, and no token sees a later one."""


@dataclass(frozen=True, eq=False)
class Targets(Moved):
    """The N tokens that are scored. Positions count through the B · T tokens of the inputs."""

    predictors: Tensor
    """(N,) position of the token before, whose hidden state predicts this one."""
    token_ids: Tensor
    """(N,)"""
    weights: Tensor
    """(N,) loss weights, all above 0."""
    completions: Tensor
    """(N,) which of the C completions of the micro-batch the token belongs to."""
    rounds: Tensor
    """(N,) its round, counted from 1; the answer of a trajectory with n - 1 attempts has n."""


@dataclass(frozen=True, eq=False)
class Attempts(Moved):
    """Where answers and the attempts right before them stand, for their consistency."""

    answer_at: Tensor
    """(M,) positions of answer tokens of the completions that have an attempt."""
    answer_of: Tensor
    """(M,) their completion."""
    attempt_at: Tensor
    """(L,) positions of the tokens of the last attempt."""
    attempt_of: Tensor
    """(L,) the completion that answers after it."""


@dataclass(frozen=True, eq=False)
class Preferences(Moved):
    """The P pairs of the micro-batch."""

    pairs: Tensor
    """(P, 2) completions: chosen, rejected."""
    outcomes: Tensor
    """(P, 3) shares of the votes: chosen, tie, rejected."""
    margins: Tensor
    """(P,)"""


@dataclass(frozen=True, eq=False)
class MicroBatch(Moved):
    """Some examples of a step, forwarded at once."""

    inputs: Inputs
    targets: Targets
    attempts: Attempts
    preferences: Preferences
    n_rounds: Tensor
    """(C,) rounds of each completion's trajectory, its own included."""
    reference_logps: Tensor
    """(C,) of each completion under the reference; zeros where the loss needs none."""
    example_weights: Tensor
    """(b,) one for each pair, or for each completion where there are no pairs."""

    @property
    def n_completions(self) -> int:
        return len(self.reference_logps)


@dataclass(frozen=True, slots=True)
class Item:
    """An encoded example, what the reference says about it, and its weight in its step."""

    encoded: Encoded
    reference_logps: tuple[float, ...] = ()
    scale: float = 1.0


def plan_steps(sizes: Sequence[int], batch_size: int, epochs: int, seed: int) -> list[list[int]]:
    """Return the examples of each optimiser step: every epoch all, in an order of its own.

    `sizes` counts the pairs of each example (1 for a trajectory); a step takes examples until it
    has `batch_size` of them. An example is never cut.

    >>> plan_steps([1, 1, 1], batch_size=2, epochs=1, seed=0)
    [[0, 2], [1]]
    """
    draw = random.Random(seed)
    steps: list[list[int]] = []
    for _ in range(epochs):
        order = list(range(len(sizes)))
        draw.shuffle(order)
        room = 0
        for index in order:
            if sizes[index] > room:
                steps.append([])
                room = batch_size
            steps[-1].append(index)
            room -= sizes[index]
    return steps


def cut(items: Sequence[Item], rows: Rows, token_budget: int) -> list[list[Item]]:
    """Cut a step into groups of at most `token_budget` tokens each, first fit, longest first.

    Padding counts as tokens. An example over the budget goes alone: its rows cannot be parted.
    """
    groups: list[list[Item]] = []
    for item in sorted(items, key=lambda item: -_cost([item], rows)):
        for group in groups:
            if _cost([*group, item], rows) <= token_budget:
                group.append(item)
                break
        else:
            groups.append([item])
    return groups


def shard(groups: Sequence[list[Item]], rows: Rows, rank: int, n_ranks: int) -> list[list[Item]]:
    """This process's share of a step's groups: like many tokens and equally many groups each.

    Processes that forward together must forward equally often, so one that comes out short
    repeats its last group with a weight of nothing.
    """
    shares: list[list[list[Item]]] = [[] for _ in range(n_ranks)]
    loads = [0] * n_ranks
    for group in sorted(groups, key=lambda group: -_cost(group, rows)):
        lightest = loads.index(min(loads))
        shares[lightest].append(group)
        loads[lightest] += _cost(group, rows)
    most = max(map(len, shares))
    smallest = min(groups, key=lambda group: _cost(group, rows))
    idle = [Item(item.encoded, item.reference_logps, 0.0) for item in smallest]
    return shares[rank] + [idle] * (most - len(shares[rank]))


def build(items: Sequence[Item], rows: Rows, pad_id: int) -> MicroBatch:
    """Lay the examples out and note where everything stands."""
    places = _flat(items) if rows is Rows.SEGMENTS else _padded(items, pad_id)
    at, ids, weights, owners, rounds = _Columns(), _Columns(), _Columns(), _Columns(), _Columns()
    answer_at, answer_of, attempt_at, attempt_of = _Columns(), _Columns(), _Columns(), _Columns()
    pairs, outcomes, margins, examples = _Columns(), _Columns(), _Columns(), _Columns()
    n_rounds, references, owner = _Columns(), _Columns(), 0
    for item, (prompts, completions) in zip(items, places.examples, strict=True):
        encoded = item.encoded
        n_prompt, n_attempts = len(encoded.prompt.token_ids), len(encoded.attempts)
        pairs += [(owner + pair.chosen, owner + pair.rejected) for pair in encoded.pairs]
        outcomes += [pair.outcomes for pair in encoded.pairs]
        margins += [pair.margin for pair in encoded.pairs]
        units = [pair.weight for pair in encoded.pairs] or [encoded.weight]
        examples += [weight * item.scale for weight in units]
        references += item.reference_logps or [0.0] * len(completions)
        for completion, prompt_at, completion_at in zip(
            encoded.completions, prompts, completions, strict=True
        ):
            for number, (begin, end) in enumerate(encoded.attempts, start=1):
                scored = [t for t in range(begin, end) if encoded.prompt.loss_weights[t] > 0]
                at += [prompt_at + t - 1 for t in scored]
                ids += [encoded.prompt.token_ids[t] for t in scored]
                weights += [encoded.prompt.loss_weights[t] for t in scored]
                owners += [owner] * len(scored)
                rounds += [number] * len(scored)
            scored = [t for t, weight in enumerate(completion.loss_weights) if weight > 0]
            last = prompt_at + n_prompt - 1
            at += [completion_at + t - 1 if t else last for t in scored]
            ids += [completion.token_ids[t] for t in scored]
            weights += [completion.loss_weights[t] for t in scored]
            owners += [owner] * len(scored)
            rounds += [n_attempts + 1] * len(scored)
            n_rounds.append(n_attempts + 1)
            if encoded.attempts:
                begin, end = encoded.attempts[-1]
                attempt_at += range(prompt_at + begin, prompt_at + end)
                attempt_of += [owner] * (end - begin)
                answer_at += [completion_at + t for t in scored]
                answer_of += [owner] * len(scored)
            owner += 1
    return MicroBatch(
        places.inputs,
        Targets(at.long(), ids.long(), weights.double(), owners.long(), rounds.long()),
        Attempts(answer_at.long(), answer_of.long(), attempt_at.long(), attempt_of.long()),
        Preferences(pairs.long(2), outcomes.double(3), margins.double()),
        n_rounds.long(),
        references.double(),
        examples.double(),
    )


class _Columns(list[Any]):
    """Values of one column, on their way to a tensor."""

    def long(self, *width: int) -> Tensor:
        return torch.tensor(self, dtype=torch.long).reshape(-1, *width)

    def double(self, *width: int) -> Tensor:
        """All digits of what was given; a loss rounds them to what it computes in."""
        return torch.tensor(self, dtype=torch.float64).reshape(-1, *width)


@dataclass(frozen=True, slots=True)
class _Places:
    """The inputs, and for each example where every completion and its prompt begin."""

    inputs: Inputs
    examples: list[tuple[list[int], list[int]]]


def _flat(items: Sequence[Item]) -> _Places:
    token_ids: list[int] = []
    parts: list[Segment] = []
    examples = []
    for item in items:
        prompt = item.encoded.prompt.token_ids
        parent, prompt_at = len(parts), len(token_ids)
        starts = []
        for number, completion in enumerate(item.encoded.completions):
            if number == 0:
                token_ids += prompt
                parts.append(Segment(len(prompt) + len(completion.token_ids)))
            else:
                parts.append(Segment(len(completion.token_ids), parent, len(prompt)))
            starts.append(len(token_ids))
            token_ids += completion.token_ids
        examples.append(([prompt_at] * len(starts), starts))
    segments = Segments(tuple(parts))
    positions = torch.tensor([segments.positions()])  # (1, T)
    return _Places(Inputs(torch.tensor([token_ids]), positions, segments), examples)


def _padded(items: Sequence[Item], pad_id: int) -> _Places:
    length = max(item.encoded.n_longest for item in items)
    rows: list[list[int]] = []
    examples = []
    for item in items:
        prompt = item.encoded.prompt.token_ids
        starts = [(len(rows) + n) * length for n in range(len(item.encoded.completions))]
        examples.append((starts, [start + len(prompt) for start in starts]))
        rows += [[*prompt, *completion.token_ids] for completion in item.encoded.completions]
    input_ids = torch.full((len(rows), length), pad_id)  # (B, T)
    for number, row in enumerate(rows):
        input_ids[number, : len(row)] = torch.tensor(row)
    positions = torch.arange(length).expand(len(rows), length)  # (B, T)
    return _Places(Inputs(input_ids, positions, None), examples)


def _cost(items: Sequence[Item], rows: Rows) -> int:
    if rows is Rows.SEGMENTS:
        return sum(item.encoded.n_tokens for item in items)
    longest = max(item.encoded.n_longest for item in items)
    return longest * sum(len(item.encoded.completions) for item in items)


V = TypeVar("V")


def _moved(value: V, device: torch.device | str, non_blocking: bool) -> V:
    if (is_dataclass(value) and hasattr(value, "to")) or isinstance(value, Tensor):
        return value.to(device, non_blocking=non_blocking)  # type: ignore[return-value]
    return value
