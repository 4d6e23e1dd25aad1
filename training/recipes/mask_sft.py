"""Thought-mask fine-tuning: learn the better later round and only read the attempts before it.

PTR (arXiv 2410.13413) with λ = (1, 0, 0), what its authors' trainer optimises; the mask is
`loss_weights` being 0 in the history. Ours: first rounds are replayed beside the trajectories, so
that learning to refine leaves the first answer as it was.
"""

import time
from collections import Counter
from dataclasses import asdict
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from ptrapp.core.errors import NothingToLearn
from training import snapshot
from training.ancestry import find_parent, refuse_repetition
from training.batches import Item, MicroBatch, plan_steps
from training.claim import Claim
from training.encode import encode_all, encode_trajectory
from training.examples import gather_trajectories, in_words
from training.logps import token_logps
from training.losses import weighted_nll
from training.model import attach_fresh, continue_from, load_base
from training.payload import STRICT, read
from training.publish import Origin, publish
from training.trainer import Loop, Objective, Steps, fit


@dataclass(frozen=True, slots=True, config=STRICT)
class MaskSftConfig:
    """The settings of a thought-mask fine-tuning job."""

    replay_share: Annotated[float, Field(ge=0, le=0.9)] = 1 / 3
    """Share of first rounds among all examples; a third kept round 1 of unseen tasks."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Peak rate; null chooses 1e-3 below 50M parameters and 1e-4 above."""
    epochs: Annotated[int, Field(ge=1, le=100)] = 3
    """Passes over the examples."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    """Examples in one optimiser step, however few fit in memory at once."""
    lora_r: Annotated[int, Field(ge=1, le=512)] = 16
    """Rank of a fresh LoRA, at most what the server takes; a parent keeps its own."""
    lora_alpha: Annotated[int, Field(ge=1, le=1024)] = 32
    """Scale of a fresh LoRA (times 1/r)."""
    token_budget: Annotated[int, Field(ge=64)] = 4096
    """Padded tokens forwarded at once: the bound on memory."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps in which the rate rises; it falls to 0 in the others."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Longer gradients are cut to this length."""
    save_steps: Annotated[int, Field(ge=1)] = 10
    """Steps between two checkpoints; the last two are kept."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of the choice of replayed rounds, the order of the examples and a fresh LoRA."""


def run(claim: Claim) -> str:
    """Train a version on stored refinements, publish it, and return its name."""
    began = time.monotonic()
    config = read(MaskSftConfig, claim.payload.settings, "settings")
    parent = find_parent(claim)

    claim.enter("loading the model")
    base = load_base(claim.settings)
    rate = config.learning_rate or (1e-3 if base.is_small else 1e-4)
    if parent is not None:
        model = continue_from(base, parent)
    else:
        model = attach_fresh(base, r=config.lora_r, alpha=config.lora_alpha, seed=config.seed)

    claim.enter("freezing the data")
    if not snapshot.exists(claim.folder):
        with claim.database.read() as session:
            gathered = gather_trajectories(
                session,
                base.thought_format,
                claim.payload.filters,
                parent_adapter_id=parent.id if parent else None,
                replay_share=config.replay_share,
                seed=config.seed,
            )
        snapshot.freeze(
            claim.folder,
            gathered,
            kind=claim.kind.value,
            after_vote_id=0,
            thought_format=base.thought_format.name,
            filters=asdict(claim.payload.filters),
            seed=config.seed,
        )
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    refuse_repetition(claim, parent, frozen.manifest.sha256)

    dropped = Counter(frozen.manifest.dropped)
    examples = encode_all(
        base.tokenizer,
        base.thought_format,
        frozen.trajectories,
        encode_trajectory,
        base.context_length,
        dropped,
    )
    if not examples or not frozen.manifest.counts.get("refined"):
        raise NothingToLearn(f"No refined round is left to learn from. {in_words(dropped)}")

    claim.enter("training")
    items = [Item(example, ()) for example in examples]
    plan = plan_steps(len(items), config.batch_size, config.epochs, config.seed)
    loop = Loop(
        learning_rate=rate,
        token_budget=config.token_budget,
        warm_up=config.warm_up,
        max_grad_norm=config.max_grad_norm,
        save_steps=config.save_steps,
        seed=config.seed,
    )
    metrics = fit(model, Steps(items, plan), imitation_objective, loop, claim, pad_id=base.pad_id)

    claim.report("publishing", len(plan), len(plan), None)
    summary = {
        **metrics,
        "counts": frozen.manifest.counts,
        "n_steps": len(plan),
        "dropped": dict(dropped),
        "seconds": round(time.monotonic() - began, 1),
    }
    return publish(
        claim, base, model, Origin(parent, row, asdict(config) | {"learning_rate": rate}, summary)
    )


def imitation_objective(model: nn.Module, batch: MicroBatch) -> Objective:
    """Judge a micro-batch of trajectories, one row each."""
    tokens = token_logps(model, batch)
    loss = weighted_nll(tokens.logps, tokens.weights, tokens.rows, len(batch.input_ids))  # (B,)
    return Objective(loss, {})
