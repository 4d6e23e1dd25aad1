"""Builds the tensors of a micro-batch: inputs, scored tokens, and the pairs among completions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from training.data.segments import Segment, Segments
from training.data.tokens import Encoded, Tokens


class Rows(StrEnum):
    """How the sequences of a micro-batch are laid out."""

    SEGMENTS = "segments"
    """All in one row, prompts shared, nothing padded."""
    PADDED = "padded"
    """One sequence a row, padded on the right: what every model can read."""


@dataclass(frozen=True, eq=False)
class Movable:
    """A dataclass of tensors that moves to a device as a whole."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        values = (getattr(self, field.name) for field in fields(self))
        return type(self)(*(_to_device(value, device, non_blocking) for value in values))


@dataclass(frozen=True, eq=False)
class Inputs(Movable):
    """The model's inputs."""

    input_ids: Tensor
    """(B, T); a flat row has B = 1."""
    position_ids: Tensor
    """(B, T), counted from the start of each sequence."""
    segments: Segments | None
    """Which tokens attend to which in a flat row. Padded rows need no mask: padding comes after
    every scored token, and attention is causal."""


@dataclass(frozen=True, eq=False)
class Targets(Movable):
    """The N tokens that are scored. Positions count through the B · T tokens of the inputs."""

    predictors: Tensor
    """(N,) position of the preceding token, whose hidden state predicts this one."""
    token_ids: Tensor
    """(N,)"""
    weights: Tensor
    """(N,) loss weights, all above 0."""
    completions: Tensor
    """(N,) index of the token's completion among the C of the micro-batch."""
    rounds: Tensor
    """(N,) the token's round, counted from 1; the answer after n - 1 attempts has n."""


@dataclass(frozen=True, eq=False)
class Attempts(Movable):
    """The positions of answers and of the attempts right before them, for their consistency."""

    answer_at: Tensor
    """(M,) positions of the answer tokens of completions that have an attempt."""
    answer_of: Tensor
    """(M,) index of the token's completion."""
    attempt_at: Tensor
    """(L,) positions of the tokens of the last attempt."""
    attempt_of: Tensor
    """(L,) index of the completion that follows the attempt."""


@dataclass(frozen=True, eq=False)
class Preferences(Movable):
    """The P pairs of the micro-batch."""

    pairs: Tensor
    """(P, 2) indices of completions: chosen, rejected."""
    outcomes: Tensor
    """(P, 3) shares of the votes: chosen, tie, rejected."""
    margins: Tensor
    """(P,)"""


@dataclass(frozen=True, eq=False)
class MicroBatch(Movable):
    """Some examples of a step that are forwarded at once."""

    inputs: Inputs
    targets: Targets
    attempts: Attempts
    preferences: Preferences
    n_rounds: Tensor
    """(C,) rounds of each completion's trajectory, its own included."""
    reference_logps: Tensor
    """(C,) log-probability of each completion under the reference; 0 where the loss needs none."""
    example_weights: Tensor
    """(b,) weight of each pair, or of each completion where there are no pairs."""

    @property
    def n_completions(self) -> int:
        return len(self.reference_logps)


@dataclass(frozen=True, slots=True)
class Item:
    """An encoded example with its reference log-probabilities and its weight in its step."""

    encoded: Encoded
    reference_logps: tuple[float, ...] = ()
    scale: float = 1.0

    @property
    def weight(self) -> float:
        """The weight in the mean of the step: the sum over its pairs, or its own."""
        weights = [pair.weight for pair in self.encoded.pairs] or [self.encoded.weight]
        return sum(weights) * self.scale


def build(items: Sequence[Item], rows: Rows, pad_id: int) -> MicroBatch:
    """Builds the micro-batch of some examples."""
    packed = _pack_flat(items) if rows is Rows.SEGMENTS else _pack_padded(items, pad_id)
    columns = _Columns()
    for item, (prompts, completions) in zip(items, packed.examples, strict=True):
        columns.add_pairs(item)
        for completion, prompt_at, completion_at in zip(
            item.encoded.completions, prompts, completions, strict=True
        ):
            columns.add_completion(item.encoded, completion, prompt_at, completion_at)
    return columns.as_batch(packed.inputs)


class _Columns:
    """Collects the columns of a micro-batch as lists."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = defaultdict(list)
        self._n_completions = 0

    def add_pairs(self, item: Item) -> None:
        """Adds the pairs of an example. Call it before adding the example's completions."""
        columns, first, encoded = self._columns, self._n_completions, item.encoded
        for pair in encoded.pairs:
            columns["pairs"].append((first + pair.chosen, first + pair.rejected))
            columns["outcomes"].append(pair.outcomes)
            columns["margins"].append(pair.margin)
        weights = [pair.weight for pair in encoded.pairs] or [encoded.weight]
        columns["example_weights"] += [weight * item.scale for weight in weights]
        columns["references"] += item.reference_logps or [0.0] * len(encoded.completions)

    def add_completion(
        self, encoded: Encoded, completion: Tokens, prompt_at: int, completion_at: int
    ) -> None:
        """Adds a completion's scored tokens, and those of its earlier rounds that have a weight."""
        n_attempts, completion_index = len(encoded.attempts), self._n_completions
        for number, (begin, end) in enumerate(encoded.attempts, start=1):
            self._score(encoded.prompt, range(begin, end), prompt_at, number)
        before = prompt_at + len(encoded.prompt.token_ids) - 1
        scored = range(len(completion.token_ids))
        self._score(completion, scored, completion_at, n_attempts + 1, before)
        if encoded.attempts:
            begin, end = encoded.attempts[-1]
            weighted = [t for t in scored if completion.loss_weights[t] > 0]
            self._columns["attempt_at"] += range(prompt_at + begin, prompt_at + end)
            self._columns["attempt_of"] += [completion_index] * (end - begin)
            self._columns["answer_at"] += [completion_at + t for t in weighted]
            self._columns["answer_of"] += [completion_index] * len(weighted)
        self._columns["n_rounds"].append(n_attempts + 1)
        self._n_completions += 1

    def _score(
        self, tokens: Tokens, among: range, start: int, number: int, before: int | None = None
    ) -> None:
        """Adds the tokens of `among` that have a weight as targets of round `number`.

        `start` is the position of the first token; `before` is the position that predicts it, if
        that is not the one in front.
        """
        for t in among:
            if tokens.loss_weights[t] > 0:
                predictor = start + t - 1 if t or before is None else before
                self._columns["predictors"].append(predictor)
                self._columns["token_ids"].append(tokens.token_ids[t])
                self._columns["weights"].append(tokens.loss_weights[t])
                self._columns["completions"].append(self._n_completions)
                self._columns["rounds"].append(number)

    def as_batch(self, inputs: Inputs) -> MicroBatch:
        return MicroBatch(
            inputs,
            Targets(
                self._long("predictors"),
                self._long("token_ids"),
                self._double("weights"),
                self._long("completions"),
                self._long("rounds"),
            ),
            Attempts(*map(self._long, ("answer_at", "answer_of", "attempt_at", "attempt_of"))),
            Preferences(
                self._long("pairs", 2), self._double("outcomes", 3), self._double("margins")
            ),
            self._long("n_rounds"),
            self._double("references"),
            self._double("example_weights"),
        )

    def _long(self, name: str, *width: int) -> Tensor:
        return torch.tensor(self._columns[name], dtype=torch.long).reshape(-1, *width)

    def _double(self, name: str, *width: int) -> Tensor:
        """float64 keeps every digit; a loss rounds to the type it computes in."""
        return torch.tensor(self._columns[name], dtype=torch.float64).reshape(-1, *width)


@dataclass(frozen=True, slots=True)
class _Packed:
    """The inputs, and for each example the positions of its prompts and of its completions."""

    inputs: Inputs
    examples: list[tuple[list[int], list[int]]]


def _pack_flat(items: Sequence[Item]) -> _Packed:
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
    return _Packed(Inputs(torch.tensor([token_ids]), positions, segments), examples)


def _pack_padded(items: Sequence[Item], pad_id: int) -> _Packed:
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
    return _Packed(Inputs(input_ids, positions, None), examples)


V = TypeVar("V")


def _to_device(value: V, device: torch.device | str, non_blocking: bool) -> V:
    if (is_dataclass(value) and hasattr(value, "to")) or isinstance(value, Tensor):
        return value.to(device, non_blocking=non_blocking)  # type: ignore[return-value]
    return value
