"""Thought-mask fine-tuning: learns the better later round and only reads the attempts before it.

PTR (arXiv 2410.13413). The mask is `loss_weights` being 0 in the history. Ours: first rounds are
replayed beside the trajectories, so that learning to refine leaves the first answer as it was.
"""

import time
from collections import Counter
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.core.errors import ConfigurationError, NothingToLearn
from training.data import snapshot
from training.data.batches import Item
from training.data.encode import TokenWeights, encode_trajectories
from training.data.examples import in_words
from training.data.hold_out import hold_out
from training.data.token_cache import TOKENISING, encoded_once
from training.data.trajectories import gather_trajectories
from training.jobs.claim import Claim
from training.jobs.payload import STRICT, MaxExamples, at_most, read
from training.jobs.ranks import Ranks
from training.loop.fit import fit
from training.loop.memory_plan import chosen_settings, plan_memory
from training.loop.objectives import imitation_objective
from training.losses import OFFICIAL, PAPER
from training.policy.config import TrainingConfig
from training.policy.lineage import find_parent, refuse_repetition
from training.policy.model import load_base_of, make_policy
from training.policy.publish import Origin, publish
from training.ptr.preset import Preset


class Normalise(StrEnum):
    """What has equal weight in a step."""

    SEQUENCE = "sequence"
    """Every answer has the same weight."""
    TOKEN = "token"
    """Every token of a step has the same weight, so long answers have more."""


@dataclass(frozen=True, slots=True, config=STRICT)
class MaskSftConfig(TrainingConfig):
    """The settings of a thought-mask fine-tuning job."""

    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    """Examples in one optimiser step, however few fit in memory at once."""
    replay_share: Annotated[float, Field(ge=0, le=0.9)] = 1 / 3
    """Share of first rounds among all examples; a third preserved round 1 of unseen tasks."""
    attempts: bool = True
    """Whether the attempts are in the context. Without them it is plain fine-tuning on the same
    final answers: a control."""
    preset: Preset = Preset.OFFICIAL
    """The weights of the three terms, unless lambdas says otherwise."""
    lambdas: tuple[float, float, float] | None = None
    """Weights of likelihood, consistency and confidence; they add up to 1."""
    normalise: Normalise = Normalise.SEQUENCE
    """What has equal weight in a step."""
    thought_weight: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Weight of a token of the thought, against 1 for one of the response."""
    history_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Weight of a token of an earlier round: 0 is the thought mask, 1 is plain fine-tuning."""
    max_examples: MaxExamples = None
    """Most examples learnt, replayed ones included, drawn by the seed; null takes all."""

    @property
    def terms(self) -> tuple[float, float, float]:
        return self.lambdas or (PAPER if self.preset is Preset.PAPER else OFFICIAL)


def run(claim: Claim, ranks: Ranks) -> str:
    """Trains a version on stored refinements, publishes it, and returns its name."""
    began = time.monotonic()
    config = read(MaskSftConfig, claim.payload.settings, "settings")
    _check(config)
    filters = at_most(claim.payload.filters, config.max_examples)
    parent = find_parent(claim)

    claim.enter("loading the model")
    base = load_base_of(claim, config, ranks)
    rate = config.learning_rate or (1e-3 if base.is_small else 1e-4)
    policy = make_policy(
        base,
        parent,
        config,
        max_rank=claim.settings.max_lora_rank,
        with_consistency=config.terms[1:] != (0, 0),
    )

    claim.enter("freezing the data")
    if ranks.leads and not snapshot.exists(claim.folder):
        with claim.database.read() as session:
            gathered = gather_trajectories(
                session,
                base.thought_format,
                filters,
                parent_adapter_id=parent.id if parent else None,
                replay_share=config.replay_share,
                seed=config.seed,
                with_attempts=config.attempts,
            )
        snapshot.freeze(
            claim.folder,
            gathered,
            kind=claim.kind.value,
            after_vote_id=0,
            thought_format=base.thought_format.name,
            filters=asdict(filters),
            seed=config.seed,
        )
    ranks.wait()
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    refuse_repetition(claim, parent, frozen.manifest.sha256)

    dropped = Counter(frozen.manifest.dropped)
    weights = TokenWeights(thought=config.thought_weight, history=config.history_weight)
    examples = encoded_once(
        claim.folder,
        f"{frozen.manifest.sha256}:{base.fingerprint}:{weights}",
        dropped,
        lambda counted: encode_trajectories(
            base.tokenizer,
            base.thought_format,
            frozen.trajectories,
            base.context_length,
            counted,
            weights=weights,
            watch=partial(claim.each, phase=TOKENISING),
        ),
    )
    if not examples or not frozen.manifest.counts.get("refined"):
        raise NothingToLearn(f"No refined round is left to learn from. {in_words(dropped)}")

    plan = plan_memory(policy, [Item(each) for each in examples], config, claim, ranks)
    learnt, held = hold_out(examples, config.eval_share)
    fitted = fit(
        policy,
        partial(imitation_objective, lambdas=config.terms),
        [Item(example) for example in learnt],
        [Item(example) for example in held],
        config,
        claim,
        ranks,
        learning_rate=rate,
        token_budget=plan.token_budget,
        per_token=config.normalise is Normalise.TOKEN,
    )

    claim.report("publishing", fitted.n_steps, fitted.n_steps, None)
    summary = {
        **fitted.metrics,
        "counts": frozen.manifest.counts,
        "n_learnt": len(examples),
        "n_held_out": len(held),
        "n_steps": fitted.n_steps,
        "dropped": dict(dropped),
        "seconds": round(time.monotonic() - began, 1),
    }
    settings = asdict(config) | {"learning_rate": rate} | chosen_settings(policy, plan)
    return publish(claim, policy, fitted.weights, Origin(parent, row, settings, summary))


def _check(config: MaskSftConfig) -> None:
    """Raises `ConfigurationError` for weights of the terms that are not a mean."""
    if min(config.terms) < 0 or abs(sum(config.terms) - 1) > 1e-6:
        raise ConfigurationError(
            f"lambdas are {config.terms}: they must not be negative and must add up to 1. The "
            f"presets are {PAPER} (paper) and {OFFICIAL} (official)."
        )
