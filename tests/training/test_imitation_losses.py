"""Weighted likelihood and the three terms of the thought mask, worked by hand."""

import math

import pytest
import torch
from torch import Tensor

from ptrapp.recipes.mask_sft import OFFICIAL, PAPER
from training.losses import (
    Consistency,
    Spans,
    confidence_betas,
    pooled_cosine,
    thought_mask_loss,
    weighted_nll,
)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def indices(*values: int) -> Tensor:
    return torch.tensor(values)


LOGPS = numbers(0.5, 0.5, 0.25, 0.125).log()
"""Two tokens of a first round and one of a second in row 0, one token in row 1."""
SPANS = Spans(indices(0, 0, 1, 2), indices(0, 0, 1), numbers(0.5, 1, 1))
CONSISTENCY = Consistency(numbers(0.4, 0.9), torch.tensor([True, False]))


def test_a_sequence_is_averaged_over_its_own_tokens() -> None:
    """Row 0: (2 + 4) / 2 = 3. Row 1 has one token of 5. A long row weighs as much as a short one."""
    logps, rows = numbers(-2, -4, -5), indices(0, 0, 1)

    assert weighted_nll(logps, torch.ones(3), rows, 2).tolist() == [3.0, 5.0]


def test_token_weights_count_within_their_sequence() -> None:
    """(1·2 + 3·4) / (1 + 3) = 3.5."""
    loss = weighted_nll(numbers(-2, -4), numbers(1, 3), indices(0, 0), 1)

    assert loss.tolist() == [3.5]


def test_masked_tokens_do_not_move_the_loss() -> None:
    weights = numbers(1, 0)
    logps = numbers(-2, -4).requires_grad_()
    loss = weighted_nll(logps, weights, indices(0, 0), 1)
    loss.sum().backward()

    assert loss.item() == 2
    assert logps.grad is not None
    assert logps.grad.tolist() == [-1, 0]


def test_the_three_terms_worked_by_hand() -> None:
    """Row 0: NLL (1 + 1 + 2)/3·ln 2, 1 − 0.4, ½·(1 − ½) + 1·(1 − ¼) = 1. Row 1: 3 ln 2, 0, ⅞."""
    computed = thought_mask_loss(LOGPS, torch.ones(4), SPANS, CONSISTENCY, 2, lambdas=PAPER)

    ln2 = math.log(2)
    assert computed.nll.tolist() == pytest.approx([4 / 3 * ln2, 3 * ln2], abs=1e-15)
    assert computed.inconsistency.tolist() == pytest.approx([0.6, 0], abs=1e-15)
    assert computed.unconfidence.tolist() == pytest.approx([1, 0.875], abs=1e-15)
    assert computed.loss.tolist() == pytest.approx(
        [0.8 * 4 / 3 * ln2 + 0.06 + 0.1, 2.4 * ln2 + 0.0875], abs=1e-15
    )


def test_the_official_preset_is_exactly_the_weighted_likelihood() -> None:
    weights = torch.rand(4, generator=torch.Generator().manual_seed(0))
    rows = SPANS.rows[SPANS.of_tokens]

    computed = thought_mask_loss(LOGPS, weights, SPANS, CONSISTENCY, 2, lambdas=OFFICIAL)
    assert torch.equal(computed.loss, weighted_nll(LOGPS, weights, rows, 2))


def test_a_long_answer_is_not_less_sure_for_its_length() -> None:
    """The product of 2000 probabilities of ½ is 0 in any float; their geometric mean is ½."""
    spans = Spans(torch.zeros(2000, dtype=torch.long), indices(0), numbers(1))
    logps = torch.full((2000,), 0.5, dtype=torch.float64).log()
    nothing = Consistency(numbers(0), torch.tensor([False]))

    computed = thought_mask_loss(logps, torch.ones(2000), spans, nothing, 1, lambdas=PAPER)
    assert computed.unconfidence.item() == pytest.approx(0.5, abs=1e-12)


def test_more_consistent_answers_cost_less() -> None:
    """As published, the term's sign rewards the opposite."""
    both = torch.tensor([True, True])
    spans = Spans(indices(0, 1), indices(0, 1), numbers(1, 1))
    computed = thought_mask_loss(
        numbers(-1, -1),
        torch.ones(2),
        spans,
        Consistency(numbers(0.2, 0.8), both),
        2,
        lambdas=PAPER,
    )

    assert computed.loss[1] < computed.loss[0]


def test_confidence_counts_most_in_the_last_round() -> None:
    betas = confidence_betas(indices(1, 2, 3, 1), indices(3, 3, 3, 1), beta_0=3.0)

    assert betas.tolist() == [1.0, 2.0, 3.0, 3.0]


def test_cosine_of_pooled_states_worked_by_hand() -> None:
    """Row 0: means (1, 1)/2 and (3, 0): 1/√2. Row 1: (0, 2) and mean (0, −1): −1. Row 2 has none."""
    answer = torch.stack([numbers(1, 0), numbers(0, 2), numbers(0, 1), numbers(4, 4)])
    attempt = torch.stack([numbers(0, -1), numbers(3, 0), numbers(0, -1)])

    found = pooled_cosine(answer, indices(0, 1, 0, 2), attempt, indices(1, 0, 1), 3)
    assert found.cosine.tolist() == pytest.approx([1 / math.sqrt(2), -1, 0], abs=1e-15)
    assert found.has_attempt.tolist() == [True, True, False]


def test_no_gradient_reaches_the_attempt_nor_an_answer_without_one() -> None:
    answer = torch.stack([numbers(1, 0), numbers(4, 3)]).requires_grad_()
    attempt = numbers(1, 1)[None].requires_grad_()
    consistency = pooled_cosine(answer, indices(0, 1), attempt, indices(0), 2)

    spans = Spans(indices(0, 1), indices(0, 1), numbers(1, 1))
    computed = thought_mask_loss(
        numbers(-1, -1), torch.ones(2), spans, consistency, 2, lambdas=(0.0, 1.0, 0.0)
    )
    computed.loss.sum().backward()

    assert attempt.grad is None
    assert answer.grad is not None
    assert answer.grad[0].tolist() == pytest.approx([0, -1 / math.sqrt(2)], abs=1e-12)
    assert answer.grad[1].tolist() == [0, 0]


def test_no_attempt_at_all_is_no_inconsistency() -> None:
    empty = torch.zeros(0, 2, dtype=torch.float64)
    found = pooled_cosine(numbers(1, 2)[None], indices(0), empty, indices().long(), 1)

    assert found.cosine.tolist() == [0]
    assert found.has_attempt.tolist() == [False]


def test_certain_and_impossible_tokens_give_finite_losses_and_gradients() -> None:
    logps = torch.tensor([0.0, -1e4]).requires_grad_()  # float32
    spans = Spans(indices(0, 1), indices(0, 1), torch.ones(2))
    none = Consistency(torch.zeros(2), torch.tensor([False, False]))
    computed = thought_mask_loss(logps, torch.ones(2), spans, none, 2, lambdas=PAPER)
    computed.loss.sum().backward()

    assert computed.unconfidence.tolist() == [0, 1]
    assert computed.loss.isfinite().all()
    assert logps.grad is not None
    assert logps.grad.isfinite().all()


def test_gradients_are_those_of_the_value() -> None:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(4, 3, dtype=torch.float64, generator=draw).requires_grad_()
    attempt = torch.randn(2, 3, dtype=torch.float64, generator=draw)
    logps = LOGPS.clone().requires_grad_()

    def computed(logps: Tensor, hidden: Tensor) -> Tensor:
        consistency = pooled_cosine(hidden, indices(0, 0, 1, 1), attempt, indices(1, 0), 2)
        return thought_mask_loss(
            logps, numbers(1, 2, 1, 0.5), SPANS, consistency, 2, lambdas=PAPER
        ).loss

    assert torch.autograd.gradcheck(computed, [logps, hidden])
