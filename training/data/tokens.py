"""An example as token ids: a prompt, the completions that continue it, and the pairs among them.

The loss weights are born with the tokens and only carried afterwards::

    ids           <|user|> 2 + 2 ? <|end|> <|assistant|> <T> | Adding . <R> It is 4 . <|end|>
    loss_weights     0     0 0 0 0    0          0        0  |   1    1  1  1  1  1 1    1
                                   prompt                    |          completion
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of a text, and the weight of each in the loss."""

    token_ids: tuple[int, ...]
    loss_weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two completions of an example, by index, and what raters said of them."""

    chosen: int
    rejected: int
    outcomes: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """Shares of the votes: for chosen, for a tie, for rejected."""
    margin: float = 0.0
    """Lead that the chosen must have, in units of the loss's difference."""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt with its history, the completions that continue it, and the pairs among them."""

    prompt: Tokens
    completions: tuple[Tokens, ...]
    pairs: tuple[Pair, ...] = ()
    """Empty for a trajectory, whose one completion is imitated."""
    attempts: tuple[tuple[int, int], ...] = ()
    """Token span of each earlier answer of a trajectory in the prompt: first, one past the last."""
    weight: float = 1.0
    """Weight of a trajectory; pairs have their own."""

    @property
    def n_tokens(self) -> int:
        """Tokens of all sequences, the prompt counted once."""
        own = sum(len(completion.token_ids) for completion in self.completions)
        return len(self.prompt.token_ids) + own

    @property
    def n_longest(self) -> int:
        """Tokens of the prompt with the longest completion."""
        longest = max(len(completion.token_ids) for completion in self.completions)
        return len(self.prompt.token_ids) + longest

    @property
    def size(self) -> int:
        """The size in a batch: the number of pairs, or 1 for a trajectory."""
        return len(self.pairs) or 1

    @property
    def total_weight(self) -> float:
        """Sum of all loss weights."""
        parts = (self.prompt, *self.completions)
        return sum(sum(part.loss_weights) for part in parts)


def per_token(items: Sequence[Encoded]) -> list[float]:
    """Returns scales that turn a mean over sequences into a mean over all their tokens.

    Σ mᵢ·lossᵢ / Σ mᵢ is the mean over tokens when lossᵢ is the mean over the mᵢ of sequence i.

    >>> short, long = (Encoded(Tokens((), ()), (Tokens((1,) * n, (1.0,) * n),)) for n in (1, 3))
    >>> per_token([short, long])
    [0.5, 1.5]
    """
    totals = [item.total_weight for item in items]
    return [total_weight * len(totals) / sum(totals) for total_weight in totals]


def mean_chosen_tokens(examples: Iterable[Encoded]) -> float | None:
    """Returns how long chosen completions are on the mean, by votes; None where nothing is chosen.

    >>> sides = tuple(Tokens((1,) * n, (1.0,) * n) for n in (6, 4))
    >>> tie = Pair(0, 1, outcomes=(0.0, 1.0, 0.0))
    >>> mean_chosen_tokens([Encoded(Tokens((), ()), sides, (Pair(0, 1), Pair(1, 0), tie))])
    5.0
    """
    lengths = [
        len(example.completions[pair.chosen].token_ids)
        for example in examples
        for pair in example.pairs
        if pair.outcomes[0] > pair.outcomes[2]
    ]
    return sum(lengths) / len(lengths) if lengths else None
