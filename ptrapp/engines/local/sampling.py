"""The next token of every row: greedy or from the nucleus, with its log-probability."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ptrapp.core.types import Sampling

_NUCLEUS_K = 1024
"""A nucleus is looked for among so many tokens first; sorting a whole vocabulary is slow, though
by numpy three times less so than by torch, which sorts the indices too."""


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
    """
    logps = torch.log_softmax(logits.to("cpu", torch.float32), dim=-1)  # (B, V)
    tokens = logps.argmax(dim=-1)  # (B,)
    drawn = [row for row, sampling in enumerate(samplings) if not sampling.greedy]
    if drawn:
        temperature = torch.tensor([samplings[row].temperature for row in drawn])  # (D,)
        top_p = torch.tensor([samplings[row].top_p for row in drawn])  # (D,)
        uniform = torch.tensor([uniforms[row] for row in drawn], dtype=torch.float64)  # (D,)
        probs = torch.softmax(logps[drawn] / temperature[:, None], dim=-1)  # (D, V)
        tokens[drawn] = _invert(_nucleus(probs, top_p), uniform)
    return NextTokens(tokens.tolist(), logps.gather(1, tokens[:, None])[:, 0].tolist())


def _nucleus(probs: Tensor, top_p: Tensor) -> Tensor:
    """Returns `probs` (D, V), zero outside the smallest set of tokens with `top_p` of the mass."""
    if bool((top_p >= 1).all()):
        return probs
    ranked = probs.topk(min(_NUCLEUS_K, probs.shape[-1]), dim=-1).values  # (D, K)
    if bool((ranked.sum(-1) < top_p).any()):
        ranked = torch.from_numpy(np.sort(probs.numpy(), axis=-1)).flip(-1)  # (D, V)
    mass_before = ranked.cumsum(-1) - ranked  # (D, K)
    n_kept = (mass_before < top_p[:, None]).sum(-1, keepdim=True).clamp(min=1)  # (D, 1)
    least = ranked.gather(1, n_kept - 1)  # (D, 1)
    least = torch.where(top_p[:, None] >= 1, torch.zeros_like(least), least)
    return torch.where(probs >= least, probs, torch.zeros_like(probs))


def _invert(weights: Tensor, uniform: Tensor) -> Tensor:
    """Returns (D,) where the running sum of `weights` (D, V) passes `uniform` (D,) of its total."""
    mass = weights.double().cumsum(-1)  # (D, V)
    target = uniform[:, None] * mass[:, -1:]  # (D, 1)
    return torch.searchsorted(mass, target, right=True)[:, 0].clamp(max=weights.shape[-1] - 1)
