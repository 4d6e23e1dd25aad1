"""Checks that both trainers compute the same: one batch in float64, losses and gradients."""

from typing import Any, NamedTuple

import torch

from bench.training.data import Task, build_model, build_steps
from bench.training.ours import NO_BUDGET, OBJECTIVES, build_scorer, with_reference
from bench.training.trl_peer import pad_tokenizer, trl_dpo_loss_and_grads
from training.data.batches import build
from training.data.plan import cut

SMALL = Task(
    vocabulary=300,
    hidden=32,
    intermediate=64,
    layers=2,
    heads=4,
    kv_heads=2,
    dtype="float64",
    prompt=(40, 10),
    completion=(30, 10),
    prompts_per_step=4,
    n_steps=1,
)
BUDGET = 200
"""Token budget by which the four pairs make several micro-batches."""


class Agreement(NamedTuple):
    """The differences between the two trainers."""

    loss_max_abs_diff: float
    """Difference of the mean loss, in nats."""
    grad_max_rel_diff: float
    """Largest difference of an element, over the largest element of its weight's gradient."""


def agreement(task: Task = SMALL) -> Agreement:
    """Compares our fused layout, cut into micro-batches, with TRL's DPOTrainer on one batch."""
    model = build_model(task)
    torch.manual_seed(task.seed + 1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.05)  # a policy that is not its reference
    (examples,) = build_steps(task)
    pairs: Any = [
        (one.prompt.token_ids, *(text.token_ids for text in one.completions)) for one in examples
    ]
    theirs, their_grads = trl_dpo_loss_and_grads(model, pairs, tokenizer=pad_tokenizer())
    scorer = build_scorer(model)
    with torch.no_grad(), model.disable_adapter():
        items = with_reference(scorer, examples, NO_BUDGET)
    loss = 0.0
    for group in cut(items, scorer.layout.rows, BUDGET):
        batch = build(group, scorer.layout.rows, 0)
        share = OBJECTIVES["dpo"](scorer(batch), batch).loss.sum() / len(items)
        share.backward()
        loss += share.item()
    named = model.named_parameters()
    ours = {name: weight.grad for name, weight in named if weight.grad is not None}
    assert ours.keys() == their_grads.keys(), "both train the adapter and nothing else"
    differences = [
        ((ours[name] - grad).abs().max() / grad.abs().max()).item()
        for name, grad in their_grads.items()
    ]
    return Agreement(abs(loss - theirs), max(differences))
