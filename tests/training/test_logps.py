"""Log-probabilities and both objectives against what anybody would write down naively."""

import random
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch.nn.functional import log_softmax, logsigmoid

from training.batches import Item, micro_batches
from training.encode import Encoded, Row
from training.logps import sequence_logps, token_logps
from training.recipes.dpo import preference_objective
from training.recipes.mask_sft import imitation_objective
from training.trainer import JudgeBatch

PAD = 0
EVERYTHING = 10**9
"""A token budget that leaves a step in one piece."""


def row(n_prompt: int, n_completion: int, seed: int) -> Row:
    draw = random.Random(seed)
    ids = tuple(draw.randrange(5, 300) for _ in range(n_prompt + n_completion))
    return Row(ids, (0.0,) * n_prompt + (1.0,) * n_completion)


@pytest.fixture
def pairs() -> list[Item]:
    """Five pairs of different lengths with made-up reference values."""
    return [
        Item(
            Encoded((row(4 + n, 3 + n, n), row(4 + n, 9 - n, 100 + n))),
            (-20.0 - n, -25.0 + n),
        )
        for n in range(5)
    ]


def naive_logp(model: Any, sequence: Row) -> torch.Tensor:
    """The sum over the completion, from full logits of this one sequence."""
    ids = torch.tensor([sequence.token_ids])
    logps = log_softmax(model(ids).logits[0, :-1], dim=-1)
    picked = logps[torch.arange(len(logps)), ids[0, 1:]]
    return (picked * torch.tensor(sequence.loss_weights[1:])).sum()


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def step(model: Any, objective: JudgeBatch, items: list[Item], budget: int) -> float:
    """Loss and gradient of one optimiser step, as the trainer accumulates them."""
    total = 0.0
    for batch in micro_batches(items, budget, PAD):
        loss = objective(model, batch).loss.sum() / len(items)
        loss.backward()
        total += loss.item()
    return total


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.allclose(one[name], other[name], rtol=1e-9, atol=1e-12) for name in one
    )


def test_dpo_step_equals_a_naive_one_with_two_forwards_a_pair(
    model: Any, pairs: list[Item]
) -> None:
    naive = torch.zeros((), dtype=torch.float64)
    for pair in pairs:
        chosen, rejected = (naive_logp(model, side) for side in pair.encoded.rows)
        margin = (chosen - pair.reference_logps[0]) - (rejected - pair.reference_logps[1])
        naive = naive - logsigmoid(0.1 * margin) / len(pairs)
    naive.backward()
    expected = gradients(model)

    loss = step(model, partial(preference_objective, beta=0.1), pairs, EVERYTHING)

    assert loss == pytest.approx(naive.item(), abs=1e-12)
    assert same(gradients(model), expected)


@pytest.mark.parametrize("budget", [1, 30, 60])
def test_cutting_a_step_into_micro_batches_changes_neither_loss_nor_gradient(
    model: Any, pairs: list[Item], budget: int
) -> None:
    trajectories = [Item(Encoded(pair.encoded.rows[:1]), ()) for pair in pairs]
    for objective, items in (
        (partial(preference_objective, beta=0.1), pairs),
        (imitation_objective, trajectories),
    ):
        whole = step(model, objective, items, EVERYTHING)
        expected = gradients(model)
        assert len(micro_batches(items, budget, PAD)) > 1

        assert step(model, objective, items, budget) == pytest.approx(whole, abs=1e-12)
        assert same(gradients(model), expected)


def test_what_stands_on_masked_positions_does_not_move_the_loss(
    model: Any, pairs: list[Item]
) -> None:
    """A target in the history is not scored: with weight 0 on it only the other tokens count."""
    sequence = pairs[3].encoded.rows[0]
    (batch,) = micro_batches([Item(Encoded((sequence,)), ())], EVERYTHING, PAD)
    scored = token_logps(model, batch)

    assert len(scored.logps) == sum(sequence.loss_weights)
    padded = replace(
        batch,
        input_ids=torch.cat([batch.input_ids, torch.full((1, 5), 7)], 1),
        attention_mask=torch.cat([batch.attention_mask, torch.zeros(1, 5, dtype=torch.long)], 1),
        loss_weights=torch.cat([batch.loss_weights, torch.zeros(1, 5)], 1),
    )
    assert torch.allclose(token_logps(model, padded).logps, scored.logps, atol=1e-12)


def test_the_head_sees_completion_positions_only(model: Any, pairs: list[Item]) -> None:
    seen: list[int] = []
    hook = model.get_output_embeddings().register_forward_hook(
        lambda _, inputs, output: seen.append(output.shape[:-1].numel())
    )
    (batch,) = micro_batches(pairs, EVERYTHING, PAD)
    token_logps(model, batch)
    hook.remove()

    assert seen == [int(batch.loss_weights.sum())]
    assert seen[0] < batch.input_ids.numel() / 2


def test_rows_keep_their_own_tokens(model: Any, pairs: list[Item]) -> None:
    (batch,) = micro_batches(pairs, EVERYTHING, PAD)
    logps = sequence_logps(token_logps(model, batch), len(batch.input_ids))

    longest_first = sorted(pairs, key=lambda pair: -pair.encoded.n_tokens)
    sides = [side for pair in longest_first for side in pair.encoded.rows]
    expected = [naive_logp(model, side).item() for side in sides]
    assert logps.tolist() == pytest.approx(expected, abs=1e-10)
