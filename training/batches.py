"""Which examples make an optimiser step, and how a step is cut so that it fits in memory."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from training.encode import Encoded


@dataclass(frozen=True, eq=False)
class MicroBatch:
    """Some examples of a step, forwarded at once. B rows: the rows of example 0, of example 1, …"""

    input_ids: Tensor
    """(B, T), padded on the right."""
    attention_mask: Tensor
    """(B, T), 0 on padding."""
    loss_weights: Tensor
    """(B, T), 0 in prompt, history and padding."""
    reference_logps: Tensor
    """(B,) of each row's completion under the reference; zeros where the loss needs none."""
    example_weights: Tensor
    """(b,) one for each example."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        moved = (getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self))
        return type(self)(*moved)


@dataclass(frozen=True, slots=True)
class Item:
    """An encoded example and what the reference says about its rows."""

    encoded: Encoded
    reference_logps: tuple[float, ...]


def plan_steps(n_examples: int, batch_size: int, epochs: int, seed: int) -> list[list[int]]:
    """Return the indices of each optimiser step: every epoch all examples in an order of its own.

    >>> plan_steps(3, batch_size=2, epochs=1, seed=0)
    [[0, 2], [1]]
    """
    draw = random.Random(seed)
    steps = []
    for _ in range(epochs):
        order = list(range(n_examples))
        draw.shuffle(order)
        steps += [order[start : start + batch_size] for start in range(0, n_examples, batch_size)]
    return steps


def micro_batches(items: Sequence[Item], token_budget: int, pad_id: int) -> list[MicroBatch]:
    """Cut a step into micro-batches of at most `token_budget` padded tokens, longest first.

    Examples of like length go together, so little is padded. One example over the budget goes
    alone: its rows cannot be parted.
    """
    groups: list[list[Item]] = []
    for item in sorted(items, key=lambda item: -item.encoded.n_tokens):
        group = [*groups[-1], item] if groups else [item]
        n_rows = sum(len(member.encoded.rows) for member in group)
        if groups and n_rows * group[0].encoded.n_tokens <= token_budget:
            groups[-1] = group
        else:
            groups.append([item])
    return [_padded(group, pad_id) for group in groups]


def _padded(items: Sequence[Item], pad_id: int) -> MicroBatch:
    rows = [row for item in items for row in item.encoded.rows]
    shape = (len(rows), max(len(row.token_ids) for row in rows))
    input_ids = torch.full(shape, pad_id)  # (B, T)
    attention_mask = torch.zeros(shape, dtype=torch.long)  # (B, T)
    loss_weights = torch.zeros(shape)  # (B, T)
    for at, row in enumerate(rows):
        length = len(row.token_ids)
        input_ids[at, :length] = torch.tensor(row.token_ids)
        attention_mask[at, :length] = 1
        loss_weights[at, :length] = torch.tensor(row.loss_weights)
    references = [logp for item in items for logp in item.reference_logps] or [0.0] * len(rows)
    weights = torch.tensor([item.encoded.weight for item in items])  # (b,)
    return MicroBatch(input_ids, attention_mask, loss_weights, torch.tensor(references), weights)
