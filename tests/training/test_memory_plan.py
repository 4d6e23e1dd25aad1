"""Which token budget is chosen from what was measured, and what is measured on a model."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ptrapp.recipes.training import TrainingConfig
from training.data.batches import Item, build
from training.data.tokens import Encoded, Pair, Tokens
from training.loop import memory_plan
from training.loop.memory import free_bytes
from training.loop.memory_plan import MemoryCost, choose_plan, measure_cost
from training.policy.layout import PLAIN, choose_layout
from training.policy.scorer import Scorer

GB, MB = 1e9, 1e6
OPEN = TrainingConfig()
SMOLLM2 = MemoryCost(16 * GB, 1.5 * MB, 0.12 * MB)
"""What was measured for 135M in float32."""


def left(free: float) -> MemoryCost:
    return MemoryCost(free, SMOLLM2.per_token, SMOLLM2.per_token_recomputed)


@pytest.mark.parametrize(
    ("free", "longest", "budget", "recompute"),
    [
        (16 * GB, 500, 1024, False),  # more would fit, and be no faster
        (1.5 * GB, 500, 768, False),  # 0.8 · 1.5 GB / 1.5 MB = 800, rounded down to 64s
        (0.8 * GB, 500, 1024, True),  # 426 would fit, so the longest would not
        (-1 * GB, 10, 64, True),  # less than nothing is free: the least, and a warning
    ],
)
def test_the_budget_follows_the_free_memory(
    free: float, longest: int, budget: int, recompute: bool
) -> None:
    plan = choose_plan(left(free), longest, 1024, OPEN)

    assert (plan.token_budget, plan.activation_checkpointing) == (budget, recompute)
    assert f"At most {budget:,} tokens" in plan.about
    assert ("would not fit otherwise" in plan.about) == recompute
    assert bool(plan.warning) == (free < 0)


def test_what_is_set_by_hand_stays() -> None:
    few = choose_plan(left(16 * GB), 500, 1024, TrainingConfig(token_budget=4096))
    never = choose_plan(left(0.8 * GB), 500, 1024, TrainingConfig(activation_checkpointing=False))
    always = choose_plan(left(16 * GB), 500, 1024, TrainingConfig(activation_checkpointing=True))

    assert (few.token_budget, few.activation_checkpointing) == (4096, False)
    assert (never.token_budget, never.activation_checkpointing) == (384, False)
    assert "set activation_checkpointing to null" in never.warning
    assert (always.token_budget, always.activation_checkpointing) == (1024, True)
    assert "0.12 MB" in always.about


def test_an_example_that_does_not_fit_recomputed_either_is_a_warning() -> None:
    plan = choose_plan(left(0.8 * GB), 9000, 1024, OPEN)

    assert plan.activation_checkpointing
    assert "has 9,000 tokens, and about 5,333 fit" in plan.warning


def pair(n_prompt: int, n_completion: int) -> Item:
    def tokens(n: int, weight: float) -> Tokens:
        return Tokens(tuple(5 + at % 300 for at in range(n)), (weight,) * n)

    sides = tokens(n_completion, 1.0), tokens(n_completion, 1.0)
    return Item(Encoded(tokens(n_prompt, 0.0), sides, (Pair(0, 1),)))


@pytest.fixture
def scorer(random_model_dir: Path) -> Scorer:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(random_model_dir)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    made: Any = Scorer(get_peft_model(base, lora), PLAIN)
    choose_layout(made)
    return made


def test_a_token_costs_about_the_same_in_long_and_in_short_examples(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the budget which a few tokens give is right for many."""
    monkeypatch.setattr(memory_plan, "free_bytes", lambda _: 10**9)
    long = measure_cost(scorer, [pair(400, 300)] * 3, pad_id=0)
    short = measure_cost(scorer, [pair(40, 30)] * 9, pad_id=0)

    assert long.per_token == pytest.approx(short.per_token, rel=0.1)
    assert long.per_token_recomputed < long.per_token / 1.5
    assert all(weight.grad is None for weight in scorer.parameters())
    trained = sum(w.nbytes for w in scorer.parameters() if w.requires_grad)
    assert long.free == 10**9 - 3 * trained
    assert not scorer.causal.is_activation_checkpointing


def test_what_is_kept_is_what_a_long_step_keeps(scorer: Scorer) -> None:
    """Beside what autograd's own graph holds, tensor by tensor."""
    measured = measure_cost(scorer, [pair(40, 30)] * 9, pad_id=0)
    items = [pair(400, 300)] * 2
    scorer.train()
    held: list[torch.Tensor] = []

    def hold(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
        scorer(build(items, scorer.layout.rows, 0)).logps.sum().backward()
    own = {weight.data_ptr() for weight in scorer.parameters()}
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in held}
    kept = sum(each.nbytes() for at, each in storages.items() if at not in own)

    n_tokens = sum(item.encoded.n_tokens for item in items)
    assert measured.per_token * n_tokens == pytest.approx(kept, rel=0.1)


def test_some_memory_of_this_machine_is_free() -> None:
    assert 1e6 < free_bytes(torch.device("cpu")) < 1e14
