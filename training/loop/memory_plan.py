"""Plans how many tokens are forwarded at once, from the memory that is free and a small forward.

A forward of at most `PROBE` tokens says what autograd keeps for a token until the backward pass.
Activations are recomputed instead only where the longest example would not fit otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch.autograd.graph import saved_tensors_hooks
from transformers.modeling_layers import GradientCheckpointingLayer

from ptrapp.recipes.training import TrainingConfig
from training.data.batches import Item, build
from training.data.plan import cost
from training.data.tokens import Tokens
from training.jobs.chosen import chosen_once
from training.jobs.claim import Claim
from training.jobs.ranks import Ranks
from training.loop.memory import free_bytes, return_freed_memory
from training.policy.model import Policy
from training.policy.scorer import Scorer

MOST_ON_CPU, MOST_ON_ACCELERATOR = 1024, 16384
"""Tokens at once beyond which steps were not measured to be faster."""
LEAST, MULTIPLE = 64, 64
"""The smallest budget, and what budgets are rounded down to multiples of."""
SHARE = 0.8
"""Share of the free memory that is used. A step's peak was 1.2 times what autograd keeps."""
PROBE = 256
"""Tokens of the measured forward."""


@dataclass(frozen=True, slots=True)
class MemoryCost:
    """What a token takes and what there is, in bytes."""

    free: float
    """Free for activations: gradients and the optimiser's state are taken off."""
    per_token: float
    """Kept for each token until the backward pass."""
    per_token_recomputed: float
    """The same where each layer's activations are recomputed, with those of one layer."""


class MemoryPlan(NamedTuple):
    """How the steps of a job are cut, and why."""

    token_budget: int
    activation_checkpointing: bool
    about: str
    """A sentence for people; empty where everything was set by hand."""
    warning: str
    """What may go wrong all the same; empty when nothing is expected to."""


def plan_memory(
    policy: Policy, items: Sequence[Item], config: TrainingConfig, claim: Claim, ranks: Ranks
) -> MemoryPlan:
    """Returns the job's plan, made now or before it was interrupted; notes it, and prepares for it.

    `items` may lack their reference log-probabilities. Every process must call this; all follow the
    one with the least memory.
    """
    by_hand = config.token_budget, config.activation_checkpointing
    if None not in by_hand:
        return apply_plan(policy.scorer, MemoryPlan(*by_hand, "", ""))  # type: ignore[arg-type]

    def choose() -> dict[str, object]:
        claim.enter("measuring the memory")
        costs = ranks.gather([measure_cost(policy.scorer, items, policy.base.pad_id)])
        scarcest = MemoryCost(
            min(each.free for each in costs),
            max(each.per_token for each in costs),
            max(each.per_token_recomputed for each in costs),
        )
        return plan_for(policy.scorer, items, scarcest, config)._asdict()

    plan = MemoryPlan(**chosen_once(claim.folder, ranks, "memory", choose))
    claim.note(f"Trained in {policy.base.about_precision}. {plan.about}")
    if plan.warning:
        claim.note(plan.warning, "warning")
    return apply_plan(policy.scorer, plan)


def chosen_settings(policy: Policy, plan: MemoryPlan) -> dict[str, object]:
    """Returns the settings that may be left open, as the job ran."""
    return {
        "precision": policy.base.precision,
        "token_budget": plan.token_budget,
        "activation_checkpointing": plan.activation_checkpointing,
    }


def plan_for(
    scorer: Scorer, items: Sequence[Item], costs: MemoryCost, config: TrainingConfig
) -> MemoryPlan:
    """Returns the plan for these examples on the scorer's device."""
    longest = max(cost([item], scorer.layout.rows) for item in items)
    on_cpu = next(scorer.parameters()).device.type == "cpu"
    return choose_plan(costs, longest, MOST_ON_CPU if on_cpu else MOST_ON_ACCELERATOR, config)


def choose_plan(costs: MemoryCost, longest: int, most: int, config: TrainingConfig) -> MemoryPlan:
    """Chooses what the settings leave open. `longest` is the tokens of the longest example.

    An example over the budget is forwarded alone, so the longest one has to fit by itself.
    """
    usable = SHARE * max(costs.free, 0.0)
    recompute = config.activation_checkpointing
    if recompute is None:
        recompute = longest * costs.per_token > usable
    per_token = costs.per_token_recomputed if recompute else costs.per_token
    n_fitting = int(usable / max(per_token, 1.0))
    budget = config.token_budget
    if budget is None:
        budget = max(LEAST, min(most, n_fitting // MULTIPLE * MULTIPLE))
    about = (
        f"At most {budget:,} tokens are forwarded at once: each takes {per_token / 1e6:.2g} MB, "
        f"and {costs.free / 1e9:.1f} GB are free."
    )
    if recompute and config.activation_checkpointing is None:
        about += (
            f" Activations are computed again in the backward pass: the longest example "
            f"({longest:,} tokens) would not fit otherwise."
        )
    if longest <= n_fitting:
        return MemoryPlan(budget, recompute, about, "")
    advice = "" if recompute else ", set activation_checkpointing to null"
    warning = (
        f"The longest example has {longest:,} tokens, and about {n_fitting:,} fit in the free "
        "memory: the job may run out of it. Shorten the longest conversations"
        f"{advice}, or free memory."
    )
    return MemoryPlan(budget, recompute, about, warning)


def apply_plan(scorer: Scorer, plan: MemoryPlan) -> MemoryPlan:
    """Has activations recomputed if the plan says so; returns the plan."""
    if plan.activation_checkpointing:
        scorer.checkpoint_activations()
        if next(scorer.parameters()).device.type == "cpu":
            return_freed_memory()
    return plan


def measure_cost(scorer: Scorer, items: Sequence[Item], pad_id: int) -> MemoryCost:
    """Measures what a token takes on typical examples, cut to `PROBE` tokens; learns nothing."""
    free = free_bytes(next(scorer.parameters()).device)  # before: freed memory is not all returned
    probe = _typical(items, scorer)
    kept = _kept_bytes(scorer, probe, pad_id)
    layers = [each for each in scorer.modules() if isinstance(each, GradientCheckpointingLayer)]
    recomputed: float = kept
    if layers:
        scorer.checkpoint_activations()
        recomputed = _kept_bytes(scorer, probe, pad_id) + kept / len(layers)
        scorer.keep_activations()
    trained = sum(each.nbytes for each in scorer.parameters() if each.requires_grad)
    n_tokens = cost(probe, scorer.layout.rows)
    # Gradients, and the two means of Adam, are as large as what is trained.
    return MemoryCost(free - 3 * trained, kept / n_tokens, recomputed / n_tokens)


def _kept_bytes(scorer: Scorer, items: Sequence[Item], pad_id: int) -> int:
    """Returns the bytes that a forward keeps for the backward pass, parameters left out."""
    own = {each.untyped_storage().data_ptr() for each in scorer.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    scorer.train()
    batch = build(items, scorer.layout.rows, pad_id).to(next(scorer.parameters()).device)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        scorer(batch)
    return sum(kept.values())


def _typical(items: Sequence[Item], scorer: Scorer) -> list[Item]:
    """Returns examples of about the median size, `PROBE` tokens in all; a longer one is cut."""
    rows = scorer.layout.rows
    by_size = sorted(items, key=lambda item: cost([item], rows))
    chosen: list[Item] = []
    for item in by_size[len(by_size) // 2 :]:
        if chosen and cost([*chosen, item], rows) > PROBE:
            break
        chosen.append(item)
    size = cost(chosen, rows)
    return chosen if size <= PROBE else [_shortened(chosen[0], PROBE / size)]


def _shortened(item: Item, share: float) -> Item:
    """Returns the beginnings of an example's prompt and completions."""
    encoded = item.encoded
    attempts = tuple((int(begin * share), int(end * share)) for begin, end in encoded.attempts)
    shorter = replace(
        encoded,
        prompt=_beginning(encoded.prompt, share),
        completions=tuple(_beginning(each, share) for each in encoded.completions),
        attempts=attempts,
    )
    return replace(item, encoded=shorter)


def _beginning(tokens: Tokens, share: float) -> Tokens:
    n = max(1, int(len(tokens.token_ids) * share))
    return Tokens(tokens.token_ids[:n], tokens.loss_weights[:n])
