"""Direct Preference Optimization on votes: responses were compared, whole completions learn.

A rater saw responses only; the loss sees thought and response. That asymmetry is Thought Preference
Optimization (arXiv 2410.10630, section 2.1): the thought learns what makes a response preferred.
"""

import math
import time
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from db import adapters
from ptrapp.core.errors import NothingToLearn
from training import snapshot
from training.ancestry import find_parent, refuse_repetition
from training.batches import Item, MicroBatch, plan_steps
from training.claim import Claim
from training.encode import encode_all, encode_pair
from training.examples import gather_pairs, in_words
from training.logps import sequence_logps, token_logps
from training.losses import dpo_loss
from training.model import attach_fresh, continue_from, load_base
from training.payload import STRICT, read
from training.publish import Origin, publish
from training.reference import reference_logps
from training.trainer import Loop, Objective, Steps, fit


@dataclass(frozen=True, slots=True, config=STRICT)
class DpoConfig:
    """The settings of a DPO job."""

    beta: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Weight of staying near the reference; the paper's usual value."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Peak rate; null chooses 1e-3 below 50M parameters and 2e-5 above."""
    epochs: Annotated[int, Field(ge=1, le=100)] = 3
    """Passes over the pairs."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    """Pairs in one optimiser step, however few fit in memory at once."""
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
    """Of the order of the pairs and of a fresh LoRA."""


def run(claim: Claim) -> str:
    """Train a version on the votes its parent has not seen, publish it, and return its name."""
    began = time.monotonic()
    config = read(DpoConfig, claim.payload.settings, "settings")
    parent = find_parent(claim)

    claim.enter("loading the model")
    base = load_base(claim.settings)
    rate = config.learning_rate or (1e-3 if base.is_small else 2e-5)
    if parent is not None:
        model = continue_from(base, parent)
    else:
        model = attach_fresh(base, r=config.lora_r, alpha=config.lora_alpha, seed=config.seed)

    claim.enter("freezing the data")
    if not snapshot.exists(claim.folder):
        with claim.database.read() as session:
            after = adapters.votes_learnt_up_to(session, parent)
            gathered = gather_pairs(
                session, base.thought_format, claim.payload.filters, after=after
            )
        snapshot.freeze(
            claim.folder,
            gathered,
            kind=claim.kind.value,
            after_vote_id=after,
            thought_format=base.thought_format.name,
            filters=asdict(claim.payload.filters),
            seed=config.seed,
        )
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    refuse_repetition(claim, parent, frozen.manifest.sha256)

    dropped = Counter(frozen.manifest.dropped)
    pairs = encode_all(
        base.tokenizer,
        base.thought_format,
        frozen.pairs,
        encode_pair,
        base.context_length,
        dropped,
    )
    if not pairs:
        raise NothingToLearn(f"No pair is left to learn from. {in_words(dropped)}")

    claim.enter("asking the reference")
    references = reference_logps(
        model,
        pairs,
        claim,
        key=f"{frozen.manifest.sha256}:{base.fingerprint}:{parent.sha256 if parent else 'base'}",
        token_budget=config.token_budget,
        pad_id=base.pad_id,
    )

    claim.enter("training")
    items = [Item(pair, logps) for pair, logps in zip(pairs, references, strict=True)]
    plan = plan_steps(len(items), config.batch_size, config.epochs, config.seed)
    loop = Loop(
        learning_rate=rate,
        token_budget=config.token_budget,
        warm_up=config.warm_up,
        max_grad_norm=config.max_grad_norm,
        save_steps=config.save_steps,
        seed=config.seed,
    )
    metrics = fit(
        model,
        Steps(items, plan),
        partial(preference_objective, beta=config.beta),
        loop,
        claim,
        pad_id=base.pad_id,
        first_loss=math.log(2),
    )

    claim.report("publishing", len(plan), len(plan), None)
    summary = {
        **metrics,
        "n_pairs": len(pairs),
        "n_steps": len(plan),
        "dropped": dict(dropped),
        "seconds": round(time.monotonic() - began, 1),
    }
    return publish(
        claim, base, model, Origin(parent, row, asdict(config) | {"learning_rate": rate}, summary)
    )


def preference_objective(model: nn.Module, batch: MicroBatch, *, beta: float) -> Objective:
    """Judge a micro-batch of pairs, whose rows are chosen, rejected, chosen, rejected, …"""
    logps = sequence_logps(token_logps(model, batch), len(batch.input_ids))  # (B,)
    chosen, rejected = logps[0::2], logps[1::2]  # (b,) each
    loss, chosen_rewards, rejected_rewards = dpo_loss(
        chosen, rejected, batch.reference_logps[0::2], batch.reference_logps[1::2], beta
    )
    margins = chosen_rewards - rejected_rewards
    return Objective(
        loss,
        {
            "rewards/chosen": chosen_rewards,
            "rewards/rejected": rejected_rewards,
            "rewards/margins": margins,
            "rewards/accuracies": (margins > 0).float(),
            "logps/chosen": chosen,
            "logps/rejected": rejected,
        },
    )
