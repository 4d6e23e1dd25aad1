"""Our formulas and TRL's trainers agree on losses and gradients, and where they differ it is known.

TRL gets token ids and its own model, batch and loss; we get log-probabilities anybody would write
down: one forward a sequence, log_softmax, the completion's tokens summed.
"""

import random
from statistics import mean
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("trl")

from bench.training.trl_peer import (
    Ids,
    trl_dpo_loss_and_grads,
    trl_reward_loss_and_grads,
    trl_sft_loss_and_grads,
)
from ptrapp.recipes.preferences import PreferenceForm
from ptrapp.recipes.reward_model import RewardForm
from training.losses import Logps, preference_loss, reward_model_loss, weighted_nll

EPSILON = 0.1
BETA = 0.4


def ids(n: int, seed: int) -> Ids:
    draw = random.Random(seed)
    return [draw.randrange(5, 300) for _ in range(n)]


PAIRS = [(ids(3 + n, n), ids(4 + n, 10 + n), ids(8 - 2 * n, 20 + n)) for n in range(4)]
"""Prompt, chosen and rejected, all of different lengths."""
EQUALLY_LONG = [(prompt, ids(5, 30 + n), rejected) for n, (prompt, _, rejected) in enumerate(PAIRS)]


def completion_logp(model: Any, prompt: Ids, completion: Ids) -> Tensor:
    sequence = torch.tensor([[*prompt, *completion]])  # (1, T)
    logps = model(sequence).logits[0, :-1].log_softmax(1)  # (T-1, V)
    return logps.gather(1, sequence[0, 1:, None])[len(prompt) - 1 :].sum()


def naive_logps(model: Any, pairs: list[tuple[Ids, Ids, Ids]]) -> Logps:
    def sides() -> list[Tensor]:
        chosen = [completion_logp(model, prompt, chosen) for prompt, chosen, _ in pairs]
        rejected = [completion_logp(model, prompt, rejected) for prompt, _, rejected in pairs]
        return [torch.stack(chosen), torch.stack(rejected)]

    policy = sides()
    with torch.no_grad(), model.disable_adapter():
        reference = sides()
    return Logps(*policy, *reference)


def ours(
    model: Any, pairs: list[tuple[Ids, Ids, Ids]], **settings: Any
) -> tuple[float, dict[str, Tensor]]:
    """The mean over the pairs, every rater being for the chosen."""
    loss = preference_loss(
        naive_logps(model, pairs),
        torch.tensor([len(chosen) for _, chosen, _ in pairs]),
        torch.tensor([len(rejected) for *_, rejected in pairs]),
        torch.tensor([[1.0, 0.0, 0.0]] * len(pairs)),
        torch.zeros(len(pairs)),
        beta=BETA,
        **settings,
    ).loss.mean()
    return backward(model, loss)


def backward(model: Any, loss: Tensor) -> tuple[float, dict[str, Tensor]]:
    model.zero_grad()
    loss.backward()
    return loss.item(), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def assert_same(
    one: tuple[float, dict[str, Tensor]],
    other: tuple[float, dict[str, Tensor]],
    tolerance: float = 1e-12,
) -> None:
    (loss, grads), (other_loss, other_grads) = one, other
    assert loss == pytest.approx(other_loss, rel=tolerance, abs=tolerance)
    assert grads.keys() == other_grads.keys()
    assert all("lora" in name for name in grads)
    assert max(grad.abs().max() for grad in grads.values()) > 1e-3
    for name, grad in grads.items():
        torch.testing.assert_close(grad, other_grads[name], rtol=tolerance, atol=tolerance)


def test_policy_and_reference_differ_in_these_tests(model: Any) -> None:
    logps = naive_logps(model, PAIRS)

    assert (logps.chosen - logps.reference_chosen).abs().min() > 1e-2


@pytest.mark.parametrize(
    ("trl", "settings"),
    [
        ({"loss_type": "sigmoid"}, {"form": PreferenceForm.SIGMOID}),
        (
            {"loss_type": "robust", "label_smoothing": EPSILON},
            {"form": PreferenceForm.ROBUST, "label_smoothing": EPSILON},
        ),
        ({"loss_type": "ipo"}, {"form": PreferenceForm.IPO}),
        (
            {"loss_type": "sigmoid_norm"},
            {"form": PreferenceForm.SIGMOID, "length_normalised": True},
        ),
        (
            {
                "loss_type": ["sigmoid", "robust"],
                "loss_weights": [2 * (1 - EPSILON), 2 * EPSILON - 1],
                "label_smoothing": EPSILON,
            },
            {"form": PreferenceForm.SIGMOID, "label_smoothing": EPSILON},
        ),
    ],
    ids=["sigmoid", "robust", "ipo", "sigmoid_norm", "cdpo_from_sigmoid_and_robust"],
)
def test_preference_losses_and_gradients_equal_trl(
    model: Any, tokenizer: Any, trl: dict[str, Any], settings: dict[str, Any]
) -> None:
    theirs = trl_dpo_loss_and_grads(model, PAIRS, tokenizer=tokenizer, beta=BETA, **trl)

    assert_same(theirs, ours(model, PAIRS, **settings))


def test_smoothed_labels_equal_trl_where_it_has_them(model: Any, tokenizer: Any) -> None:
    """`aot` sorts a batch before it mixes both sides; of one pair it is cDPO."""
    for pair in PAIRS:
        theirs = trl_dpo_loss_and_grads(
            model,
            [pair],
            tokenizer=tokenizer,
            loss_type="aot",
            beta=BETA,
            label_smoothing=EPSILON,
        )
        settings = {"form": PreferenceForm.SIGMOID, "label_smoothing": EPSILON}
        assert_same(theirs, ours(model, [pair], **settings))


def test_trl_ignores_smoothed_labels_in_its_sigmoid_loss(model: Any, tokenizer: Any) -> None:
    """When this fails, TRL has cDPO again and can be compared with directly."""
    theirs = trl_dpo_loss_and_grads(
        model, PAIRS, tokenizer=tokenizer, beta=BETA, label_smoothing=EPSILON
    )

    assert_same(theirs, ours(model, PAIRS, form=PreferenceForm.SIGMOID))


def test_imitation_of_the_chosen_equals_trl_on_equal_lengths(model: Any, tokenizer: Any) -> None:
    theirs = trl_dpo_loss_and_grads(
        model,
        EQUALLY_LONG,
        tokenizer=tokenizer,
        loss_type=["sigmoid", "sft"],
        loss_weights=[1.0, 0.7],
        beta=BETA,
    )

    assert_same(theirs, ours(model, EQUALLY_LONG, form=PreferenceForm.SIGMOID, nll_weight=0.7))


def test_imitation_of_the_chosen_by_token_equals_trl(model: Any, tokenizer: Any) -> None:
    theirs = trl_dpo_loss_and_grads(
        model, PAIRS, tokenizer=tokenizer, loss_type=["sigmoid", "sft"], beta=BETA
    )

    settings = {"form": PreferenceForm.SIGMOID, "nll_weight": 1.0}
    by_token = {"nll_tokens": mean(len(chosen) for _, chosen, _ in PAIRS)}
    assert_same(theirs, ours(model, PAIRS, **settings, **by_token))


def test_trls_own_float32_head_agrees_as_far_as_float32_goes(model: Any, tokenizer: Any) -> None:
    """The head put in its place for the other tests hides no difference."""
    theirs = trl_dpo_loss_and_grads(model, PAIRS, tokenizer=tokenizer, beta=BETA, exact=False)

    assert_same(theirs, ours(model, PAIRS, form=PreferenceForm.SIGMOID), tolerance=1e-5)


def imitation(model: Any, examples: list[tuple[Ids, Ids]]) -> tuple[Tensor, Tensor]:
    """Our loss of each example and its number of tokens."""
    lengths = [len(completion) for _, completion in examples]
    logps = []
    for prompt, completion in examples:
        sequence = torch.tensor([[*prompt, *completion]])  # (1, T)
        scored = model(sequence).logits[0, :-1].log_softmax(1)  # (T-1, V)
        logps.append(scored.gather(1, sequence[0, 1:, None])[len(prompt) - 1 :, 0])
    rows = torch.arange(len(examples)).repeat_interleave(torch.tensor(lengths))  # (N,)
    loss = weighted_nll(torch.cat(logps), torch.ones(len(rows)), rows, len(examples))  # (B,)
    return loss, torch.tensor(lengths)


def test_fine_tuning_equals_trl_on_equal_lengths(model: Any, tokenizer: Any) -> None:
    examples = [(prompt, chosen) for prompt, chosen, _ in EQUALLY_LONG]
    theirs = trl_sft_loss_and_grads(model, examples, tokenizer=tokenizer)

    loss, _ = imitation(model, examples)
    assert_same(theirs, backward(model, loss.mean()))


def test_fine_tuning_in_trl_weighs_examples_by_their_length(model: Any, tokenizer: Any) -> None:
    examples = [(prompt, chosen) for prompt, chosen, _ in PAIRS]
    theirs = trl_sft_loss_and_grads(model, examples, tokenizer=tokenizer)

    loss, lengths = imitation(model, examples)
    assert_same(theirs, backward(model, (lengths * loss).sum() / lengths.sum()))


@pytest.fixture(scope="module")
def scorer(random_model_dir: Any, tokenizer: Any) -> Any:
    """A reward model in float64: the random model with one random output."""
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(2)
    return (
        AutoModelForSequenceClassification.from_pretrained(
            random_model_dir, num_labels=1, dtype=torch.float64
        )
        .double()
        .eval()
    )


@pytest.mark.parametrize("centre", [None, 0.01])
def test_reward_loss_and_gradients_equal_trl(
    scorer: Any, tokenizer: Any, centre: float | None
) -> None:
    margins = [0.0, 0.5, 1.25, 3.0]
    pairs = [
        ([*prompt, *chosen], [*prompt, *rejected], margin)
        for (prompt, chosen, rejected), margin in zip(PAIRS, margins, strict=True)
    ]
    loss, grads = trl_reward_loss_and_grads(scorer, pairs, tokenizer=tokenizer, centre=centre)

    def scores(side: int) -> Tensor:
        return torch.cat([scorer(torch.tensor([pair[side]])).logits[0] for pair in pairs])  # (P,)

    mine, my_grads = backward(
        scorer,
        reward_model_loss(
            scores(0),
            scores(1),
            torch.tensor([[1.0, 0.0, 0.0]] * len(pairs)),
            torch.tensor(margins),
            form=RewardForm.BRADLEY_TERRY,
            centre=centre or 0.0,
        ).loss.mean(),
    )
    assert mine == pytest.approx(loss, abs=1e-12)
    assert my_grads.keys() == grads.keys()
    for name, grad in grads.items():
        torch.testing.assert_close(my_grads[name], grad, rtol=1e-10, atol=1e-12)
