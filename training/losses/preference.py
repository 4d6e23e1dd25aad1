"""The DPO family: losses of a policy on the raters' preferences."""

from typing import NamedTuple

import torch
from torch import Tensor

from ptrapp.recipes.preferences import PreferenceForm
from training.losses.label_noise import smooth, unsmooth
from training.losses.likelihood import bradley_terry, davidson, rao_kupper


class Logps(NamedTuple):
    """Sums over the tokens of a completion, in nats, (P,) each."""

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor


class PreferenceLoss(NamedTuple):
    """One value for each pair, (P,)."""

    loss: Tensor
    chosen_rewards: Tensor
    """β(log π − log ref) as the loss used it: of sums, or of means per token."""
    rejected_rewards: Tensor


def preference_loss(
    logps: Logps,
    n_chosen: Tensor,
    n_rejected: Tensor,
    outcomes: Tensor,
    margin: Tensor,
    *,
    form: PreferenceForm,
    beta: float,
    label_smoothing: float = 0.0,
    tie_strength: float = 3.0,
    length_normalised: bool = False,
    nll_weight: float = 0.0,
    nll_tokens: float | None = None,
) -> PreferenceLoss:
    """Computes the loss of each pair by one of the forms, (P,).

    `n_chosen` and `n_rejected` (P,) count completion tokens, `outcomes` (P, 3) are the shares of
    votes for chosen, tie and rejected, `margin` (P,) is the lead a vote asks for, in the unit of D
    and 0 where none (see `likelihood`).

    - `label_smoothing` ε < ½ is the rate of label noise: ROBUST corrects for it, the others smooth
      the labels by it (see `label_noise`). IPO has no such term: its settings must refuse an ε.
    - `length_normalised` puts means per token for sums (arXiv 2411.15124, equation 6, after SimPO,
      2405.14734); β is then larger, about 5. IPO always does so.
    - `nll_weight` α adds α·NLL of the chosen, per token of it (IRPO, arXiv 2404.19733). Ours: only
      where more votes are for the chosen than for the rejected, so a tie makes nothing to imitate.
    - `nll_tokens` divides each NLL by as many tokens instead of its own. By their mean over all
      chosen the sum is the likelihood of the chosen tokens; by its own, a token weighs the more
      the shorter its completion is, ends come too early, and answers become shorter (Dr. GRPO,
      arXiv 2503.20783, found the same in RL).

    Against TRL 1.16: SIGMOID, ROBUST and IPO are its `sigmoid`, `robust` and `ipo`; SIGMOID with
    `length_normalised` is its `sigmoid_norm`. Its `sigmoid` ignores `label_smoothing`, so cDPO is
    2(1−ε)·`sigmoid` − (1−2ε)·`robust` there. Its `sft` averages over the chosen tokens of a batch;
    here how a batch is cut changes nothing. Its logged rewards are always of sums.

    Worked by hand: the policy raised the chosen by 2 nats and lowered the rejected by 3, so with
    β = 0.1 the rewards are 0.2 and −0.3 and −log σ(0.5) = 0.4741; with α = 1 the chosen's NLL per
    token, 8/4 = 2, comes on top.

    >>> logps = Logps(*torch.tensor([[-8.0], [-13.0], [-10.0], [-10.0]]))
    >>> four, five, votes = torch.tensor([4]), torch.tensor([5]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> loss = preference_loss(
    ...     logps, four, five, votes, torch.zeros(1),
    ...     form=PreferenceForm.SIGMOID, beta=0.1, nll_weight=1.0,
    ... )
    >>> [round(value.item(), 4) for value in loss]
    [2.4741, 0.2, -0.3]
    """
    chosen = logps.chosen - logps.reference_chosen  # (P,)
    rejected = logps.rejected - logps.reference_rejected  # (P,)
    if length_normalised or form is PreferenceForm.IPO:
        chosen, rejected = chosen / n_chosen, rejected / n_rejected  # (P,) each
    chosen_rewards, rejected_rewards = beta * chosen, beta * rejected  # (P,) each
    difference = chosen_rewards - rejected_rewards  # (P,)
    outcomes = outcomes.to(difference.dtype)  # (P, 3)
    match form:
        case PreferenceForm.SIGMOID:
            loss = bradley_terry(difference, smooth(outcomes, label_smoothing), margin)
        case PreferenceForm.ROBUST:
            loss = bradley_terry(difference, unsmooth(outcomes, label_smoothing), margin)
        case PreferenceForm.IPO:
            loss = ipo(difference, outcomes, margin, tau=beta)
        case PreferenceForm.RAO_KUPPER:
            loss = rao_kupper(difference, smooth(outcomes, label_smoothing), tie_strength, margin)
        case PreferenceForm.DAVIDSON:
            loss = davidson(difference, smooth(outcomes, label_smoothing), tie_strength, margin)
    if nll_weight:
        won = (outcomes[:, 0] > outcomes[:, 2]).to(loss.dtype)  # (P,)
        loss = loss - nll_weight * won * logps.chosen / (nll_tokens or n_chosen)  # (P,)
    return PreferenceLoss(loss, chosen_rewards, rejected_rewards)


def ipo(difference: Tensor, outcomes: Tensor, margin: Tensor, *, tau: float) -> Tensor:
    """Identity Preference Optimization: draws the gap d = D/τ to 1/(2τ), (P,).

    arXiv 2310.12036, equation 17. Changed: d is of means per token, which TRL confirmed with the
    authors. Ours: votes mix (d − 1/(2τ))² and (d + 1/(2τ))², a tie being half of each, and a margin
    moves the goal of a vote to (½ + m)/τ.

    Worked by hand, τ = ½, so the goal is a gap of 1. At D = 1 the gap is 2: the chosen's vote costs
    (2 − 1)² = 1, the rejected's (2 + 1)² = 9, a tie 5.

    >>> ipo(torch.ones(3), torch.eye(3), torch.zeros(3), tau=0.5)
    tensor([1., 5., 9.])
    """
    margin = margin.to(difference.dtype)
    chosen = (difference - margin - 0.5).square()  # (P,)
    tie = difference.square() + 0.25  # (P,): the mean of (D − ½)² and (D + ½)²
    rejected = (difference + margin + 0.5).square()  # (P,)
    return (outcomes * torch.stack([chosen, tie, rejected], 1)).sum(1) / tau**2
