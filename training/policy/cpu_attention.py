"""Attention of one segment on a CPU, forward and backward as plain matrix products.

torch's own CPU kernel is slower than the products it is made of, by 1.4 (causal) to 2.9 times (a
completion that reads its prompt) in bfloat16, mainly in its backward pass. As there, no tensor of
the size of the scores is stored: the backward pass recomputes them. Queries go block by block, so
that most masked scores are never computed.
"""

from typing import Any

import torch
from torch import Tensor

BLOCK = 128
"""Queries of a block: enough for the products to run at full speed, and few masked scores."""


def attend(query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None) -> Tensor:
    """Returns softmax(scale · Q Kᵀ, causal) V, (heads, L, D).

    `query` is (heads, L, D), `key` and `value` (heads, n_keys, D); query i sees the keys up to
    n_keys − L + i. `mask` (L, n_keys), added to the scores, says otherwise.
    """
    attended: Tensor = _Attend.apply(query, key, value, scale, mask)
    return attended


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None
    ) -> Tensor:
        query = query * scale  # (heads, L, D): cheaper here than on the scores
        blocks = []
        for rows, n_keys in _blocks(query, key):
            probabilities = _probabilities(query, key, mask, rows, n_keys)  # (heads, l, n)
            blocks.append(torch.bmm(probabilities, value[:, :n_keys]))
        attended = torch.cat(blocks, 1) if len(blocks) > 1 else blocks[0]  # (heads, L, D)
        ctx.save_for_backward(query, key, value, attended, mask)
        ctx.scale = scale
        return attended

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        query, key, value, attended, mask = ctx.saved_tensors
        to_attended = gradients[0]  # (heads, L, D)
        to_query = []
        to_key, to_value = torch.zeros_like(key), torch.zeros_like(value)  # (heads, n_keys, D)
        delta = (to_attended * attended).sum(-1, keepdim=True)  # (heads, L, 1)
        for rows, n_keys in _blocks(query, key):
            probabilities = _probabilities(query, key, mask, rows, n_keys)  # (heads, l, n)
            visible = slice(n_keys)
            to_value[:, visible] += torch.bmm(probabilities.transpose(1, 2), to_attended[:, rows])
            to_probabilities = torch.bmm(to_attended[:, rows], value[:, visible].transpose(1, 2))
            to_scores = to_probabilities.sub_(delta[:, rows]).mul_(probabilities)  # (heads, l, n)
            to_query.append(torch.bmm(to_scores, key[:, visible]))
            to_key[:, visible] += torch.bmm(to_scores.transpose(1, 2), query[:, rows])
        return torch.cat(to_query, 1).mul_(ctx.scale), to_key, to_value, None, None


def _blocks(query: Tensor, key: Tensor) -> list[tuple[slice, int]]:
    """Returns blocks of about equal size, with the number of keys the last query of each sees."""
    n_queries, n_keys = query.shape[1], key.shape[1]
    n_blocks = -(-n_queries // BLOCK)
    ends = [n_queries * (n + 1) // n_blocks for n in range(n_blocks)]
    return [
        (slice(start, end), n_keys - n_queries + end)
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def _probabilities(
    query: Tensor, key: Tensor, mask: Tensor | None, rows: slice, n_keys: int
) -> Tensor:
    """Attention probabilities of a block of queries, (heads, l, n)."""
    scores = torch.bmm(query[:, rows], key[:, :n_keys].transpose(1, 2))  # (heads, l, n)
    if mask is not None:
        return torch.softmax(scores.add_(mask[rows, :n_keys]), -1)
    length = scores.shape[1]
    future = torch.full((length, length), float("-inf"), dtype=scores.dtype, device=scores.device)
    scores[:, :, n_keys - length :] += future.triu_(1)
    return torch.softmax(scores, -1)
