"""The loss of a reward model, worked by hand."""

import math

import pytest
import torch
from torch import Tensor

from ptrapp.recipes.reward_model import RewardForm
from training.losses import davidson, rao_kupper, reward_model_loss

every_form = pytest.mark.parametrize("form", RewardForm)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


CHOSEN = numbers(1, 0, 0)[None]


def test_equal_scores_cost_ln_2() -> None:
    loss = reward_model_loss(
        numbers(3), numbers(3), CHOSEN, numbers(0), form=RewardForm.BRADLEY_TERRY
    )

    assert loss.loss.item() == pytest.approx(math.log(2), abs=1e-15)
    assert loss.margins.item() == 0


def test_margin_and_centre_worked_by_hand() -> None:
    """Scores 2 and ½ with a margin of ½: −log σ(1) + 0.1·2.5²."""
    loss = reward_model_loss(
        numbers(2), numbers(0.5), CHOSEN, numbers(0.5), form=RewardForm.BRADLEY_TERRY, centre=0.1
    )

    assert loss.loss.item() == pytest.approx(math.log1p(math.exp(-1)) + 0.625, abs=1e-15)
    assert loss.margins.item() == 1.5


@pytest.mark.parametrize(
    ("form", "likelihood"),
    [(RewardForm.RAO_KUPPER, rao_kupper), (RewardForm.DAVIDSON, davidson)],
)
def test_ties_are_explained_by_the_form_that_was_asked_for(
    form: RewardForm, likelihood: type
) -> None:
    votes, margin = numbers(0.2, 0.5, 0.3)[None], numbers(0.1)
    loss = reward_model_loss(numbers(2), numbers(1.2), votes, margin, form=form, tie_strength=2.0)

    assert loss.loss.item() == pytest.approx(
        likelihood(numbers(0.8), votes, 2.0, margin).item(), abs=1e-15
    )


@every_form
def test_only_the_centre_knows_the_level_of_scores(form: RewardForm) -> None:
    chosen, rejected = numbers(1).requires_grad_(), numbers(-2).requires_grad_()
    reward_model_loss(chosen, rejected, CHOSEN, numbers(0), form=form).loss.sum().backward()

    assert chosen.grad is not None
    assert rejected.grad is not None
    assert chosen.grad.item() == pytest.approx(-rejected.grad.item(), abs=1e-15)
    assert chosen.grad.item() < 0


@every_form
def test_gradients_are_those_of_the_value(form: RewardForm) -> None:
    votes = torch.stack([numbers(0.7, 0.2, 0.1), numbers(0, 0, 1)])

    def computed(chosen: Tensor, rejected: Tensor) -> Tensor:
        return reward_model_loss(
            chosen, rejected, votes, numbers(0.2, 0), form=form, centre=0.01
        ).loss

    sides = [numbers(1, 2).requires_grad_(), numbers(-1, 2.5).requires_grad_()]
    assert torch.autograd.gradcheck(computed, sides)


@every_form
def test_extreme_scores_give_finite_losses_and_gradients(form: RewardForm) -> None:
    chosen = torch.tensor([1e4, -1e4]).requires_grad_()  # float32
    votes = torch.tensor([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    loss = reward_model_loss(chosen, -chosen.detach(), votes, torch.zeros(2), form=form).loss
    loss.sum().backward()

    assert loss.isfinite().all()
    assert chosen.grad is not None
    assert chosen.grad.isfinite().all()
