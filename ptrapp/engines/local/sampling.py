"""The next token of every row: greedy or from the nucleus, with its log-probability."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ptrapp.core.types import Sampling

_NUCLEUS_K = 1024
"""On an accelerator a nucleus is looked for among so many tokens first."""


class NextTokens(NamedTuple):
    """One token of every row."""

    tokens: list[int]
    logps: list[float]
    """Under the policy itself: no temperature, no nucleus; in nats."""


def choose(logits: Tensor, samplings: Sequence[Sampling], uniforms: Sequence[float]) -> NextTokens:
    """Draws one token a row from `logits` (B, V).

    Row b uses nothing but its own logits, sampling and `uniforms[b]` in [0, 1): it draws the same
    token alone and in any batch. The draw inverts the distribution function in the order of the
    vocabulary, where rounding moves a boundary by 1e-7; in sorted order it would swap neighbours.
    All of it happens on the device of the logits; only tokens and their log-probabilities leave it.
    """
    device = logits.device
    logps = torch.log_softmax(logits.float(), dim=-1)  # (B, V)
    drawn = [row for row, sampling in enumerate(samplings) if not sampling.greedy]
    every = len(drawn) == len(samplings)
    tokens = logps.new_zeros(len(drawn), dtype=torch.long) if every else logps.argmax(-1)  # (B,)
    if drawn:
        temperature = torch.tensor([samplings[row].temperature for row in drawn], device=device)
        of_drawn = logps if every else logps[drawn]
        probs = torch.softmax(of_drawn / temperature[:, None], dim=-1)  # (D, V)
        top_p = [samplings[row].top_p for row in drawn]
        draw = _draw_by_row if device.type == "cpu" else _draw_together
        tokens[drawn] = draw(probs, top_p, [uniforms[row] for row in drawn])
    chosen = logps.gather(1, tokens[:, None])[:, 0]
    both = torch.stack([tokens.double(), chosen.double()]).tolist()  # one copy from the device
    return NextTokens([int(token) for token in both[0]], both[1])


def _draw_by_row(probs: Tensor, top_p: Sequence[float], uniforms: Sequence[float]) -> Tensor:
    """Draws from the nucleus of each row (D, V) without sorting the vocabulary.

    Tokens below (1 - top_p) / V have less than 1 - top_p together, so that none of them belongs to
    the smallest set with `top_p`: a few hundred of a hundred thousand are left to be sorted.
    """
    tokens = []
    for row, p, uniform in zip(probs.numpy(), top_p, uniforms, strict=True):
        kept = np.arange(row.size)
        if p < 1:
            kept = np.flatnonzero(row > (1 - p) / (2 * row.size))  # half, for the rounding
            ranked = np.sort(row[kept])[::-1]
            mass_before = np.cumsum(ranked, dtype=np.float64) - ranked
            kept = kept[row[kept] >= ranked[max(1, int((mass_before < p).sum())) - 1]]
        mass = np.cumsum(row[kept], dtype=np.float64)
        at = np.searchsorted(mass, uniform * mass[-1], side="right")
        tokens.append(int(kept[min(int(at), kept.size - 1)]))
    return torch.tensor(tokens)


def _draw_together(probs: Tensor, top_p: Sequence[float], uniforms: Sequence[float]) -> Tensor:
    """Draws from the nucleus of all rows (D, V) at once, where launching counts more than work."""
    device = probs.device
    least_mass = torch.tensor(top_p, device=device)[:, None]  # (D, 1)
    if min(top_p) < 1:
        ranked = probs.topk(min(_NUCLEUS_K, probs.shape[-1]), dim=-1).values  # (D, K)
        if bool((ranked.sum(-1, keepdim=True) < least_mass).any()):
            ranked = probs.sort(dim=-1, descending=True).values  # (D, V)
        mass_before = ranked.cumsum(-1) - ranked  # (D, K)
        n_kept = (mass_before < least_mass).sum(-1, keepdim=True).clamp(min=1)  # (D, 1)
        least = ranked.gather(1, n_kept - 1)  # (D, 1)
        least = torch.where(least_mass >= 1, torch.zeros_like(least), least)
        probs = torch.where(probs >= least, probs, torch.zeros_like(probs))
    mass = probs.double().cumsum(-1)  # (D, V)
    uniform = torch.tensor(uniforms, dtype=torch.float64, device=device)[:, None]  # (D, 1)
    found = torch.searchsorted(mass, uniform * mass[:, -1:], right=True)[:, 0]
    return found.clamp(max=probs.shape[-1] - 1)
