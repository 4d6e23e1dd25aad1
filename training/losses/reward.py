"""The loss of a reward model, whose scores are the strengths that explain the votes."""

from typing import NamedTuple

from torch import Tensor

from ptrapp.recipes.reward_model import RewardForm
from training.losses.likelihood import bradley_terry, davidson, rao_kupper


class RewardModelLoss(NamedTuple):
    """One value for each pair, (P,)."""

    loss: Tensor
    margins: Tensor
    """Score of the chosen minus score of the rejected."""


def reward_model_loss(
    chosen_scores: Tensor,
    rejected_scores: Tensor,
    outcomes: Tensor,
    margin: Tensor,
    *,
    form: RewardForm,
    tie_strength: float = 3.0,
    centre: float = 0.0,
) -> RewardModelLoss:
    """Returns −log P(votes | D = r_c − r_r) + `centre`·(r_c + r_r)², (P,).

    `chosen_scores`, `rejected_scores` and `margin` are (P,), `outcomes` (P, 3). The likelihood
    leaves a constant of the scores free; the second term (Eisenstein et al., arXiv 2312.09244)
    draws it to 0, usually with 0.01. TRL's RewardTrainer is BRADLEY_TERRY with all votes for the
    chosen, its `center_rewards_coefficient` our `centre`.

    Worked by hand: scores 2 and 1 give −log σ(1) = 0.3133, and 0.01·(2 + 1)² = 0.09.

    >>> import torch
    >>> reward_model_loss(
    ...     torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([[1.0, 0.0, 0.0]]),
    ...     torch.zeros(1), form=RewardForm.BRADLEY_TERRY, centre=0.01,
    ... )
    RewardModelLoss(loss=tensor([0.4033]), margins=tensor([1.]))
    """
    difference = chosen_scores - rejected_scores  # (P,)
    match form:
        case RewardForm.BRADLEY_TERRY:
            nll = bradley_terry(difference, outcomes, margin)
        case RewardForm.RAO_KUPPER:
            nll = rao_kupper(difference, outcomes, tie_strength, margin)
        case RewardForm.DAVIDSON:
            nll = davidson(difference, outcomes, tie_strength, margin)
    off_centre = (chosen_scores + rejected_scores).square()  # (P,)
    return RewardModelLoss(nll + centre * off_centre, difference)
