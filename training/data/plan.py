"""Plans which examples make an optimiser step, and how a step is cut to fit in memory."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from training.data.batches import Item, Rows

WINDOW = 256
"""So many examples, of like length, are fitted into groups together."""


def plan_steps(sizes: Sequence[int], batch_size: int, epochs: int, seed: int) -> list[list[int]]:
    """Returns the indices of each step's examples; every epoch takes all of them in a new order.

    `sizes` counts the pairs of each example (1 for a trajectory); a step takes examples until it
    has `batch_size` of them. An example is never cut.

    >>> plan_steps([1, 1, 1], batch_size=2, epochs=1, seed=0)
    [[0, 2], [1]]
    """
    rng = random.Random(seed)
    steps: list[list[int]] = []
    for _ in range(epochs):
        order = list(range(len(sizes)))
        rng.shuffle(order)
        free = 0
        for index in order:
            if sizes[index] > free:
                steps.append([])
                free = batch_size
            steps[-1].append(index)
            free -= sizes[index]
    return steps


def cut(items: Sequence[Item], rows: Rows, token_budget: int) -> list[list[Item]]:
    """Cuts a step into groups of at most `token_budget` tokens each, first fit, longest first.

    Padding counts as tokens. An example over the budget goes alone: its rows cannot be split. Of
    many examples `WINDOW` at a time are fitted together, so that the work grows with their number
    and not with its square.
    """
    ordered = sorted(items, key=lambda item: -_Size.of(item).cost(rows))
    return [
        group
        for start in range(0, len(ordered), WINDOW)
        for group in _first_fit(ordered[start : start + WINDOW], rows, token_budget)
    ]


def _first_fit(items: Sequence[Item], rows: Rows, token_budget: int) -> list[list[Item]]:
    groups: list[list[Item]] = []
    sizes: list[_Size] = []
    for item in items:
        own = _Size.of(item)
        for index, size in enumerate(sizes):
            together = size + own
            if together.cost(rows) <= token_budget:
                groups[index].append(item)
                sizes[index] = together
                break
        else:
            groups.append([item])
            sizes.append(own)
    return groups


def shard(groups: Sequence[list[Item]], rows: Rows, rank: int, n_ranks: int) -> list[list[Item]]:
    """Returns this process's share of a step's groups, balanced by tokens and equal in number.

    Processes that forward together must forward equally often, so one that has fewer groups repeats
    the smallest one with weight 0.
    """
    shares: list[list[list[Item]]] = [[] for _ in range(n_ranks)]
    loads = [0] * n_ranks
    for group in sorted(groups, key=lambda group: -cost(group, rows)):
        lightest = loads.index(min(loads))
        shares[lightest].append(group)
        loads[lightest] += cost(group, rows)
    n_most = max(map(len, shares))
    smallest = min(groups, key=lambda group: cost(group, rows))
    idle = [Item(item.encoded, item.reference_logps, 0.0) for item in smallest]
    return shares[rank] + [idle] * (n_most - len(shares[rank]))


def cost(items: Sequence[Item], rows: Rows) -> int:
    """Returns the tokens of a group as it is forwarded, padding included."""
    return reduce(add, map(_Size.of, items)).cost(rows)


@dataclass(frozen=True, slots=True)
class _Size:
    """What the cost of a group follows from, and that of two groups together."""

    n_tokens: int
    n_longest: int
    n_completions: int

    @classmethod
    def of(cls, item: Item) -> "_Size":
        encoded = item.encoded
        return cls(encoded.n_tokens, encoded.n_longest, len(encoded.completions))

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(
            self.n_tokens + other.n_tokens,
            max(self.n_longest, other.n_longest),
            self.n_completions + other.n_completions,
        )

    def cost(self, rows: Rows) -> int:
        return (
            self.n_tokens if rows is Rows.SEGMENTS else self.n_longest * self.n_completions
        )
