"""The losses, as formulas of log-probabilities: no model, no settings, no logging."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class DpoLoss(NamedTuple):
    """One value for each pair, (B,)."""

    loss: Tensor
    chosen_rewards: Tensor
    rejected_rewards: Tensor


def dpo_loss(
    chosen_logps: Tensor,
    rejected_logps: Tensor,
    reference_chosen_logps: Tensor,
    reference_rejected_logps: Tensor,
    beta: float,
) -> DpoLoss:
    """Direct Preference Optimization, sigmoid form (arXiv 2305.18290, equation 7), unchanged.

    All arguments are (B,): sums over the tokens of a completion, in nats. A reward is
    β(log π − log ref); the loss is −log σ(chosen reward − rejected reward).

    Worked by hand: the policy raised the chosen by 2 nats and lowered the rejected by 3, so with
    β = 0.1 the rewards are 0.2 and −0.3 and the loss is −log σ(0.5) = 0.4741.

    >>> loss = dpo_loss(*torch.tensor([[-8.0], [-13.0], [-10.0], [-10.0]]), beta=0.1)
    >>> [round(value.item(), 4) for value in loss]
    [0.4741, 0.2, -0.3]
    """
    chosen_rewards = beta * (chosen_logps - reference_chosen_logps)  # (B,)
    rejected_rewards = beta * (rejected_logps - reference_rejected_logps)  # (B,)
    loss = -logsigmoid(chosen_rewards - rejected_rewards)  # (B,)
    return DpoLoss(loss, chosen_rewards, rejected_rewards)


def weighted_nll(logps: Tensor, weights: Tensor, rows: Tensor, n_rows: int) -> Tensor:
    """Negative log-likelihood of each sequence, averaged over its own weighted tokens, (B,).

    `logps`, `weights` and `rows` are (N,): all scored tokens of the batch, their weights and the
    row each belongs to. This is the thought-mask loss of PTR (arXiv 2410.13413) with λ = (1, 0, 0),
    what its authors' trainer optimises. We normalise within a sequence, not over the batch: a long
    answer then weighs as much as a short one, and the loss does not depend on how a batch is cut.

    Worked by hand: row 0 has log-probabilities −1 and −3 with weights 1 and 1, row 1 has −4 with
    weight ½, so the losses are 2 and 4.

    >>> logps, weights = torch.tensor([-1.0, -3.0, -4.0]), torch.tensor([1.0, 1.0, 0.5])
    >>> weighted_nll(logps, weights, torch.tensor([0, 0, 1]), 2)
    tensor([2., 4.])
    """
    weights = weights.to(logps.dtype)
    total = torch.zeros(n_rows, dtype=logps.dtype, device=logps.device)  # (B,)
    mass = torch.zeros_like(total)  # (B,)
    total = total.index_add(0, rows, -weights * logps)
    mass = mass.index_add(0, rows, weights)
    return total / mass
