"""Three models of votes: their probabilities, their limits, and numbers worked by hand."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from training.losses import bradley_terry, davidson, rao_kupper

Likelihood = Callable[..., Tensor]

MODELS: dict[str, Likelihood] = {
    "bradley_terry": bradley_terry,
    "rao_kupper": partial(rao_kupper, tie_strength=3.0),
    "davidson": partial(davidson, tie_strength=1.0),
}
WITH_TIES = {name: model for name, model in MODELS.items() if name != "bradley_terry"}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
every_model_with_ties = pytest.mark.parametrize("model", WITH_TIES.values(), ids=WITH_TIES)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def probabilities(model: Likelihood, difference: float) -> list[float]:
    """Of the chosen winning, a tie and the rejected winning."""
    return model(numbers(difference).repeat(3), torch.eye(3)).neg().exp().tolist()


MIXED = torch.tensor([[0.5, 0.3, 0.2], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]], dtype=torch.float64)


@every_model_with_ties
def test_equal_sides_tie_half_of_the_time(model: Likelihood) -> None:
    assert probabilities(model, 0.0) == pytest.approx([0.25, 0.5, 0.25], abs=1e-15)


@every_model_with_ties
@pytest.mark.parametrize("difference", [-7.0, -0.3, 0.0, 1.0, 12.0])
def test_the_three_probabilities_sum_to_one(model: Likelihood, difference: float) -> None:
    assert sum(probabilities(model, difference)) == pytest.approx(1, abs=1e-14)


def test_bradley_terry_gives_the_sides_all_there_is() -> None:
    win, _, lose = probabilities(bradley_terry, 0.7)

    assert win + lose == pytest.approx(1, abs=1e-15)
    assert win == pytest.approx(1 / (1 + math.exp(-0.7)), abs=1e-15)


def test_rao_kupper_worked_by_hand() -> None:
    """ν = 2, D = log 4: σ(log 2) = 2/3, σ(−log 8) = 1/9, tie 3·2/3·1/9 = 2/9."""
    model = partial(rao_kupper, tie_strength=2.0)

    assert probabilities(model, math.log(4)) == pytest.approx([2 / 3, 2 / 9, 1 / 9], abs=1e-14)


def test_davidson_worked_by_hand() -> None:
    """ν = ½, D = log 4: weights 1, 2·½·½ = ½ and ¼ of 1.75: 4/7, 2/7, 1/7."""
    model = partial(davidson, tie_strength=0.5)

    assert probabilities(model, math.log(4)) == pytest.approx([4 / 7, 2 / 7, 1 / 7], abs=1e-14)


@pytest.mark.parametrize(
    "model", [partial(rao_kupper, tie_strength=1 + 1e-12), partial(davidson, tie_strength=1e-12)]
)
def test_without_room_for_ties_it_is_bradley_terry(model: Likelihood) -> None:
    difference = numbers(-3, 0.5, 2)
    sides = numbers(1, 0, 0), numbers(0.6, 0, 0.4), numbers(0, 0, 1)
    outcomes, margin = torch.stack(sides), numbers(0, 0.2, 1)

    expected = bradley_terry(difference, outcomes, margin)
    assert model(difference, outcomes, margin=margin).tolist() == pytest.approx(
        expected.tolist(), abs=1e-11
    )


@every_model
def test_swapping_the_sides_changes_nothing(model: Likelihood) -> None:
    difference, margin = numbers(-1.5, 0.2, 3), numbers(0.4, 0, 1)

    one = model(difference, MIXED, margin=margin)
    other = model(-difference, MIXED.flip(1), margin=margin)
    assert one.tolist() == pytest.approx(other.tolist(), abs=1e-14)


@every_model
def test_shares_mix_what_single_votes_cost(model: Likelihood) -> None:
    difference, margin = numbers(0.8), numbers(0.3)
    chosen, tie, rejected = (
        model(difference, vote[None], margin=margin).item() for vote in torch.eye(3)
    )

    mixed = model(difference, MIXED[:1], margin=margin).item()
    assert mixed == pytest.approx(0.5 * chosen + 0.3 * tie + 0.2 * rejected, abs=1e-15)


@every_model
def test_a_margin_is_a_lead_the_voted_side_must_have(model: Likelihood) -> None:
    """The chosen needs D − m, the rejected −D − m, and a tie has no strength."""
    difference, margin = numbers(0.8).repeat(3), numbers(0.3).repeat(3)
    asked = model(difference, torch.eye(3), margin=margin)

    assert asked[0].item() == model(difference - 0.3, torch.eye(3))[0].item()
    assert asked[1].item() == model(difference, torch.eye(3))[1].item()
    assert asked[2].item() == model(difference + 0.3, torch.eye(3))[2].item()


def test_a_tie_pulls_bradley_terry_to_equal_strength() -> None:
    difference = numbers(-2, 0, 2).requires_grad_()
    bradley_terry(difference, numbers(0, 1, 0).repeat(3, 1)).sum().backward()

    gradient = difference.grad
    assert gradient is not None
    assert gradient[0] < 0 < gradient[2]
    assert gradient[1] == 0


@every_model
@pytest.mark.parametrize("size", [1e2, 1e4])
def test_extreme_differences_give_finite_losses_and_gradients(
    model: Likelihood, size: float
) -> None:
    difference = torch.tensor([-size, size]).repeat_interleave(3).requires_grad_()  # float32
    margin = torch.ones(6)
    loss = model(difference, torch.eye(3).repeat(2, 1), margin=margin)
    loss.sum().backward()

    assert loss.isfinite().all()
    assert difference.grad is not None
    assert difference.grad.isfinite().all()
    assert loss[0].item() == pytest.approx(size, rel=0.05)
    assert loss[3].item() < 1e-6


@every_model
def test_gradients_are_those_of_the_value(model: Likelihood) -> None:
    difference, margin = numbers(-1.5, 0.2, 3).requires_grad_(), numbers(0.4, 0, 1)

    assert torch.autograd.gradcheck(lambda d: model(d, MIXED, margin=margin), [difference])
