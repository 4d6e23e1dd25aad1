"""The losses, worked by hand."""

import math

import pytest
import torch

from training.losses import dpo_loss, weighted_nll


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_loss_is_ln_2_when_the_policy_equals_its_reference() -> None:
    chosen, rejected = numbers(-7.0, -120.5), numbers(-9.0, -3.25)

    loss, chosen_rewards, rejected_rewards = dpo_loss(chosen, rejected, chosen, rejected, beta=0.1)

    assert loss.tolist() == pytest.approx([math.log(2)] * 2, abs=1e-15)
    assert chosen_rewards.tolist() == rejected_rewards.tolist() == [0.0, 0.0]


def test_dpo_loss_of_a_pair_worked_by_hand() -> None:
    """Chosen up by 1 nat, rejected down by 1, β = ½: D = 1 and −log σ(1) = log(1 + e⁻¹)."""
    loss, chosen, rejected = dpo_loss(numbers(-1), numbers(-5), numbers(-2), numbers(-4), beta=0.5)

    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-15)
    assert (chosen.item(), rejected.item()) == (0.5, -0.5)


def test_swapping_the_sides_turns_the_preference_around() -> None:
    """−log σ(−1) = 1 + log(1 + e⁻¹)."""
    loss = dpo_loss(numbers(-5), numbers(-1), numbers(-4), numbers(-2), beta=0.5).loss

    assert loss.item() == pytest.approx(1 + math.log(1 + math.exp(-1)), abs=1e-15)


def test_gradient_raises_the_chosen_as_much_as_it_lowers_the_rejected() -> None:
    """At D = 0 the gradient is −β/2 for the chosen and β/2 for the rejected."""
    chosen, rejected = numbers(-3).requires_grad_(), numbers(-4).requires_grad_()

    dpo_loss(chosen, rejected, numbers(-3), numbers(-4), beta=0.1).loss.sum().backward()

    assert (chosen.grad.item(), rejected.grad.item()) == pytest.approx((-0.05, 0.05))


def test_a_sequence_is_averaged_over_its_own_tokens() -> None:
    """Row 0: (2 + 4) / 2 = 3. Row 1 has one token of 5. A long row weighs as much as a short one."""
    logps, rows = numbers(-2, -4, -5), torch.tensor([0, 0, 1])

    assert weighted_nll(logps, torch.ones(3), rows, 2).tolist() == [3.0, 5.0]


def test_token_weights_count_within_their_sequence() -> None:
    """(1·2 + 3·4) / (1 + 3) = 3.5."""
    loss = weighted_nll(numbers(-2, -4), torch.tensor([1.0, 3.0]), torch.tensor([0, 0]), 1)

    assert loss.tolist() == [3.5]
