"""Which examples make an optimiser step, and how a step is cut so that it fits in memory."""

import random
from collections.abc import Sequence

from training.data.batches import Item, Rows


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


def _cost(items: Sequence[Item], rows: Rows) -> int:
    if rows is Rows.SEGMENTS:
        return sum(item.encoded.n_tokens for item in items)
    longest = max(item.encoded.n_longest for item in items)
    return longest * sum(len(item.encoded.completions) for item in items)
