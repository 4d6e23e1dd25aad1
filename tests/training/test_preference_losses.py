"""The DPO family, worked by hand."""

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from ptrapp.recipes.preferences import PreferenceForm
from training.losses import Logps, PreferenceLoss, preference_loss

CHOSEN, TIE, REJECTED = torch.eye(3).tolist()
every_form = pytest.mark.parametrize("form", PreferenceForm)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def softplus(x: float) -> float:
    """−log σ(−x)."""
    return math.log1p(math.exp(x))


def compute(
    *,
    chosen: float = 1.0,
    rejected: float = -1.0,
    votes: list[float] = CHOSEN,
    margin: float = 0.0,
    form: PreferenceForm = PreferenceForm.SIGMOID,
    beta: float = 0.5,
    **settings: Any,
) -> PreferenceLoss:
    """Computes the loss of a pair of 2 and 5 tokens with the log-ratios `chosen` and `rejected`."""
    logps = Logps(numbers(-6 + chosen), numbers(-9 + rejected), numbers(-6), numbers(-9))
    return preference_loss(
        logps,
        torch.tensor([2]),
        torch.tensor([5]),
        numbers(*votes)[None],
        numbers(margin),
        form=form,
        beta=beta,
        **settings,
    )


def loss_of(**settings: Any) -> float:
    return compute(**settings).loss.item()


@pytest.mark.parametrize("form", [PreferenceForm.SIGMOID, PreferenceForm.ROBUST])
@pytest.mark.parametrize("votes", [CHOSEN, TIE, REJECTED, [0.5, 0.2, 0.3]])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_loss_is_ln_2_when_the_policy_equals_its_reference(
    form: PreferenceForm, votes: list[float], label_smoothing: float
) -> None:
    computed = compute(
        chosen=0, rejected=0, votes=votes, form=form, label_smoothing=label_smoothing
    )

    assert computed.loss.item() == pytest.approx(math.log(2), abs=1e-15)
    assert (computed.chosen_rewards.item(), computed.rejected_rewards.item()) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("form", "tie_strength"), [(PreferenceForm.RAO_KUPPER, 3.0), (PreferenceForm.DAVIDSON, 1.0)]
)
def test_a_tie_costs_ln_2_and_a_side_ln_4_where_equals_tie_half_of_the_time(
    form: PreferenceForm, tie_strength: float
) -> None:
    at_reference = partial(loss_of, chosen=0, rejected=0, form=form, tie_strength=tie_strength)

    assert at_reference(votes=TIE) == pytest.approx(math.log(2), abs=1e-15)
    assert at_reference(votes=CHOSEN) == pytest.approx(math.log(4), abs=1e-15)


def test_dpo_of_a_pair_worked_by_hand() -> None:
    """Chosen up by 1 nat, rejected down by 1, β = ½: D = 1 and −log σ(1) = log(1 + e⁻¹)."""
    computed = compute()

    assert computed.loss.item() == pytest.approx(softplus(-1), abs=1e-15)
    assert (computed.chosen_rewards.item(), computed.rejected_rewards.item()) == (0.5, -0.5)


def test_a_vote_for_the_rejected_turns_the_preference_around() -> None:
    """−log σ(−1) = 1 + log(1 + e⁻¹)."""
    assert loss_of(votes=REJECTED) == pytest.approx(1 + softplus(-1), abs=1e-15)


def test_smoothed_labels_mix_the_sides_and_leave_ties() -> None:
    """cDPO at D = 1: 0.9·0.3133 + 0.1·1.3133."""
    smoothed = partial(loss_of, label_smoothing=0.1)

    assert smoothed() == pytest.approx(softplus(-1) + 0.1, abs=1e-15)
    assert smoothed(votes=REJECTED) == pytest.approx(softplus(-1) + 0.9, abs=1e-15)
    assert smoothed(votes=TIE) == pytest.approx(loss_of(votes=TIE), abs=1e-15)


@pytest.mark.parametrize("form", [PreferenceForm.RAO_KUPPER, PreferenceForm.DAVIDSON])
def test_smoothed_labels_mix_the_sides_of_forms_with_ties_too(form: PreferenceForm) -> None:
    expected = 0.9 * loss_of(form=form) + 0.1 * loss_of(form=form, votes=REJECTED)

    assert loss_of(form=form, label_smoothing=0.1) == pytest.approx(expected, abs=1e-14)


def test_robust_dpo_worked_by_hand() -> None:
    """ε = ¼ at D = 1: 1.5·0.3133 − 0.5·1.3133."""
    loss = loss_of(form=PreferenceForm.ROBUST, label_smoothing=0.25)

    assert loss == pytest.approx(softplus(-1) - 0.5, abs=1e-14)


@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_robust_dpo_equals_clean_dpo_in_the_mean_over_label_noise(margin: float) -> None:
    robust = partial(loss_of, form=PreferenceForm.ROBUST, label_smoothing=0.2, margin=margin)

    mean = 0.8 * robust(votes=[0.7, 0.2, 0.1]) + 0.2 * robust(votes=[0.1, 0.2, 0.7])
    assert mean == pytest.approx(loss_of(votes=[0.7, 0.2, 0.1], margin=margin), abs=1e-14)


def test_ipo_of_a_pair_worked_by_hand() -> None:
    """Per token 1/2 + 1/5 = 0.7; τ = ½ asks for 1: (0.7 − 1)², mirrored (0.7 + 1)²."""
    assert loss_of(form=PreferenceForm.IPO) == pytest.approx(0.09, abs=1e-15)
    assert loss_of(form=PreferenceForm.IPO, votes=REJECTED) == pytest.approx(2.89, abs=1e-15)
    assert loss_of(form=PreferenceForm.IPO, votes=TIE) == pytest.approx(1.49, abs=1e-15)


def test_a_margin_moves_the_goal_of_ipo() -> None:
    """(½ + ¼)/½ = 1.5: (0.7 − 1.5)² and (0.7 + 1.5)²; a tie has no strength."""
    asked = partial(loss_of, form=PreferenceForm.IPO, margin=0.25)

    assert asked() == pytest.approx(0.64, abs=1e-15)
    assert asked(votes=REJECTED) == pytest.approx(4.84, abs=1e-15)
    assert asked(votes=TIE) == pytest.approx(1.49, abs=1e-15)


def test_length_normalisation_compares_means_per_token() -> None:
    """1/2 and −1/5 times β = 5: D = 3.5, and the rewards are those of the means."""
    computed = compute(beta=5.0, length_normalised=True)

    assert computed.loss.item() == pytest.approx(softplus(-3.5), abs=1e-14)
    assert computed.chosen_rewards.item() == pytest.approx(2.5, abs=1e-15)
    assert computed.rejected_rewards.item() == pytest.approx(-1.0, abs=1e-15)


def test_the_chosen_is_imitated_per_token_unless_it_did_not_win() -> None:
    """The chosen has −5 nats over 2 tokens."""

    def added(votes: list[float]) -> float:
        return loss_of(votes=votes, nll_weight=2.0) - loss_of(votes=votes)

    assert added(CHOSEN) == added([0.4, 0.3, 0.3]) == pytest.approx(2 * 2.5, abs=1e-14)
    assert added(TIE) == added(REJECTED) == added([0.4, 0.2, 0.4]) == 0.0


def test_tokens_of_the_chosen_weigh_alike_however_long_it_is() -> None:
    """By a mean over each completion, a token of 2 would weigh four times as much as one of 8."""
    chosen = [numbers(*[-1.0] * n).requires_grad_() for n in (2, 8)]
    sums = torch.stack([each.sum() for each in chosen])

    computed = preference_loss(
        Logps(sums, numbers(-9, -9), sums.detach(), numbers(-9, -9)),
        torch.tensor([2, 8]),
        torch.tensor([5, 5]),
        numbers(*CHOSEN, *CHOSEN).view(2, 3),
        numbers(0, 0),
        form=PreferenceForm.SIGMOID,
        beta=1e-9,
        nll_weight=1.0,
        nll_tokens=5.0,
    )
    computed.loss.mean().backward()

    assert computed.loss.mean().item() == pytest.approx(math.log(2) + 1.0, abs=1e-6)
    weights = torch.cat([each.grad for each in chosen if each.grad is not None])
    assert weights.tolist() == pytest.approx([-1 / 10] * 10, abs=1e-6)


@every_form
def test_a_stronger_preference_asks_for_more(form: PreferenceForm) -> None:
    assert loss_of(form=form, margin=0.5) > loss_of(form=form)


@every_form
def test_swapping_the_sides_changes_nothing(form: PreferenceForm) -> None:
    """Chosen and rejected change places with their lengths, and the votes with them."""
    sides = Logps(numbers(-4, -7), numbers(-8, -2), numbers(-5, -6), numbers(-6, -3))
    n_one, n_other = torch.tensor([3, 4]), torch.tensor([6, 2])
    votes = torch.stack([numbers(0.7, 0.2, 0.1), numbers(0, 0, 1)])
    settings: dict[str, Any] = {"form": form, "beta": 0.3, "tie_strength": 2.0}

    one = preference_loss(sides, n_one, n_other, votes, numbers(0.2, 0), **settings)
    swapped = Logps(sides[1], sides[0], sides[3], sides[2])
    other = preference_loss(swapped, n_other, n_one, votes.flip(1), numbers(0.2, 0), **settings)

    assert one.loss.tolist() == pytest.approx(other.loss.tolist(), abs=1e-14)
    assert torch.equal(one.chosen_rewards, other.rejected_rewards)


def test_gradient_raises_the_chosen_as_much_as_it_lowers_the_rejected() -> None:
    """At D = 0 the gradient is −β/2 for the chosen and β/2 for the rejected."""
    chosen, rejected = numbers(-3).requires_grad_(), numbers(-4).requires_grad_()

    logps = Logps(chosen, rejected, numbers(-3), numbers(-4))
    one, vote = torch.ones(1), numbers(*CHOSEN)[None]
    form = PreferenceForm.SIGMOID
    preference_loss(logps, one, one, vote, numbers(0), form=form, beta=0.1).loss.backward()

    assert chosen.grad is not None
    assert rejected.grad is not None
    assert (chosen.grad.item(), rejected.grad.item()) == pytest.approx((-0.05, 0.05))


def test_dpo_is_the_family_with_nothing_asked_for() -> None:
    """Rewards 0.1·(−4 + 5) = 0.1 and 0.1·(−8 + 6) = −0.2, so −log σ(0.3) = 0.5544 (equation 7)."""
    logps = Logps(numbers(-4), numbers(-8), numbers(-5), numbers(-6))
    one, vote = torch.ones(1), numbers(*CHOSEN)[None]

    computed = preference_loss(
        logps, one, one, vote, numbers(0), form=PreferenceForm.SIGMOID, beta=0.1
    )

    assert [value.item() for value in computed] == pytest.approx([0.5544, 0.1, -0.2], abs=1e-4)


@every_form
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_policies_give_finite_losses_and_gradients(
    form: PreferenceForm, size: float
) -> None:
    logps = Logps(*(torch.tensor([value] * 3) for value in (-size, size, 0.0, 0.0)))  # float32
    chosen = logps.chosen.requires_grad_()
    ones = torch.ones(3)

    loss = preference_loss(
        logps, ones, ones, torch.eye(3), ones, form=form, beta=1.0, nll_weight=1.0
    ).loss
    loss.sum().backward()

    assert loss.isfinite().all()
    assert chosen.grad is not None
    assert chosen.grad.isfinite().all()


@every_form
@pytest.mark.parametrize("length_normalised", [False, True])
def test_gradients_are_those_of_the_value(form: PreferenceForm, length_normalised: bool) -> None:
    sides = [numbers(-4, -7, -3).requires_grad_(), numbers(-8, -2, -3.5).requires_grad_()]
    votes = torch.stack([numbers(0.7, 0.2, 0.1), numbers(0, 0, 1), numbers(1, 0, 0)])

    def computed(chosen: Tensor, rejected: Tensor) -> Tensor:
        return preference_loss(
            Logps(chosen, rejected, numbers(-5, -6, -3), numbers(-6, -3, -3)),
            torch.tensor([3, 4, 2]),
            torch.tensor([6, 2, 2]),
            votes,
            numbers(0.2, 0, 1),
            form=form,
            beta=0.3,
            label_smoothing=0.1,
            length_normalised=length_normalised,
            nll_weight=0.5,
        ).loss

    assert torch.autograd.gradcheck(computed, sides)
