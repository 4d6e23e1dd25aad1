"""Some examples as tensors: what the model reads, what is scored, and what belongs together."""

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

    @property
    def weight(self) -> float:
        """What it counts in the mean of its step: the weights of its pairs, or its own."""
        weights = [pair.weight for pair in self.encoded.pairs] or [self.encoded.weight]
        return sum(weights) * self.scale


def build(items: Sequence[Item], rows: Rows, pad_id: int) -> MicroBatch:
    """Lay the examples out and note where everything stands."""
    places = _flat(items) if rows is Rows.SEGMENTS else _padded(items, pad_id)
    draft = _Draft()
    for item, (prompts, completions) in zip(items, places.examples, strict=True):
        draft.add_pairs(item)
        for completion, prompt_at, completion_at in zip(
            item.encoded.completions, prompts, completions, strict=True
        ):
            draft.add_completion(item.encoded, completion, prompt_at, completion_at)
    return draft.finished(places.inputs)


class _Draft:
    """A micro-batch in the making: its columns as lists."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = defaultdict(list)
        self._n_completions = 0

    def add_pairs(self, item: Item) -> None:
        """Before the completions of the example, whose numbers its pairs go by."""
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
        """Its scored tokens, and those of the earlier rounds in its prompt that have a weight."""
        n_attempts, owner = len(encoded.attempts), self._n_completions
        for number, (begin, end) in enumerate(encoded.attempts, start=1):
            self._score(encoded.prompt, range(begin, end), prompt_at, number)
        before = prompt_at + len(encoded.prompt.token_ids) - 1
        scored = range(len(completion.token_ids))
        self._score(completion, scored, completion_at, n_attempts + 1, before)
        if encoded.attempts:
            begin, end = encoded.attempts[-1]
            weighed = [t for t in scored if completion.loss_weights[t] > 0]
            self._columns["attempt_at"] += range(prompt_at + begin, prompt_at + end)
            self._columns["attempt_of"] += [owner] * (end - begin)
            self._columns["answer_at"] += [completion_at + t for t in weighed]
            self._columns["answer_of"] += [owner] * len(weighed)
        self._columns["n_rounds"].append(n_attempts + 1)
        self._n_completions += 1

    def _score(
        self, tokens: Tokens, among: range, start: int, number: int, before: int | None = None
    ) -> None:
        """Score those of `among` that have a weight, as round `number`.

        `start` is where the tokens begin, `before` the position that predicts the first of them if
        it is not the one in front.
        """
        for t in among:
            if tokens.loss_weights[t] > 0:
                predictor = start + t - 1 if t or before is None else before
                self._columns["predictors"].append(predictor)
                self._columns["token_ids"].append(tokens.token_ids[t])
                self._columns["weights"].append(tokens.loss_weights[t])
                self._columns["completions"].append(self._n_completions)
                self._columns["rounds"].append(number)

    def finished(self, inputs: Inputs) -> MicroBatch:
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
        """All digits of what was given; a loss rounds them to what it computes in."""
        return torch.tensor(self._columns[name], dtype=torch.float64).reshape(-1, *width)


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


V = TypeVar("V")


def _moved(value: V, device: torch.device | str, non_blocking: bool) -> V:
    if (is_dataclass(value) and hasattr(value, "to")) or isinstance(value, Tensor):
        return value.to(device, non_blocking=non_blocking)  # type: ignore[return-value]
    return value
