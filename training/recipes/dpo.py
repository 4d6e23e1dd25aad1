"""Direct Preference Optimization on votes: responses were compared, whole completions learn.

A rater saw responses only; the loss sees thought and response. That asymmetry is Thought Preference
Optimization (arXiv 2410.10630, section 2.1): the thought learns what makes a response preferred.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from db import adapters
from db.models import Adapter
from ptrapp.core.errors import ConfigurationError, NothingToLearn
from ptrapp.outcomes import Counting
from training import guards, snapshot
from training.ancestry import find_parent, refuse_repetition
from training.batches import Item, Rows, build
from training.claim import Claim
from training.config import TrainingConfig
from training.encode import Strength, encode_pairs
from training.examples import in_words
from training.fit import Fitted, fit
from training.hold_out import hold_out
from training.losses import PreferenceForm
from training.model import Policy, load_base, make_policy
from training.objectives import JudgeBatch, preference_objective
from training.pairs import gather_pairs
from training.payload import STRICT, read
from training.plan import plan_steps
from training.publish import Origin, publish
from training.ranks import Ranks
from training.reference import reference_logps
from training.scorer import Scored
from training.snapshot import Snapshot
from training.token_cache import encoded_once

KNOW_TIES = (PreferenceForm.RAO_KUPPER, PreferenceForm.DAVIDSON)


@dataclass(frozen=True, slots=True, config=STRICT)
class DpoConfig(TrainingConfig):
    """The settings of a DPO job."""

    form: PreferenceForm = PreferenceForm.SIGMOID
    """Which loss of the family; rao_kupper and davidson learn from ties as well."""
    beta: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Weight of staying near the reference (τ of ipo); the paper's usual value."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of votes taken to be mistaken: cDPO with sigmoid, the rate of flips for robust."""
    length_normalised: bool = False
    """Compare log-probabilities per token instead of per completion; wants a beta around 5."""
    nll_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    """How much the likelihood of the chosen completion counts beside the preference (IRPO)."""
    tie_strength: Annotated[float, Field(gt=1, le=100)] = 3.0
    """ν of rao_kupper and davidson: how readily equal answers tie; 3 makes half of them ties in
    rao_kupper."""
    soft_labels: bool = False
    """Let raters who disagree on a pair leave their shares, instead of the majority alone."""
    strength: Strength = Strength.OFF
    """What "much better" does: nothing, a margin to win by, or a weight."""


def run(claim: Claim, ranks: Ranks) -> str:
    """Train a version on the votes its parent has not seen, publish it, and return its name."""
    began = time.monotonic()
    config = read(DpoConfig, claim.payload.settings, "settings")
    check(config)
    parent = find_parent(claim)

    claim.enter("loading the model")
    base = load_base(claim.settings, config.precision)
    policy = make_policy(base, parent, config, max_rank=claim.settings.max_lora_rank)

    claim.enter("freezing the data")
    if ranks.leads and not snapshot.exists(claim.folder):
        with claim.database.read() as session:
            after = adapters.votes_learnt_up_to(session, parent)
            gathered = gather_pairs(
                session,
                base.thought_format,
                claim.payload.filters,
                after=after,
                counting=Counting(ties=config.form in KNOW_TIES, soft=config.soft_labels),
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
    ranks.wait()
    frozen = snapshot.read(claim.folder)
    row = snapshot.register(claim, frozen)
    refuse_repetition(claim, parent, frozen.manifest.sha256)

    learnt = learn_pairs(claim, ranks, config, policy, parent, frozen)
    fitted = learnt.fitted
    claim.report("publishing", fitted.n_steps, fitted.n_steps, None)
    summary = learnt.summary | {"seconds": round(time.monotonic() - began, 1)}
    return publish(claim, policy, fitted.weights, Origin(parent, row, learnt.settings, summary))


class Learnt(NamedTuple):
    """What training on pairs gave."""

    fitted: Fitted
    settings: dict[str, Any]
    """As run: with every default filled in."""
    summary: dict[str, Any]
    """Figures of the version: the last metrics, and how many pairs there were."""


def learn_pairs(
    claim: Claim,
    ranks: Ranks,
    config: DpoConfig,
    policy: Policy,
    parent: Adapter | None,
    frozen: Snapshot,
    *,
    keep: Path | None = None,
) -> Learnt:
    """From frozen pairs to trained weights: what every recipe that learns by preference shares.

    `policy` is the parent's, untrained yet: it is the reference. The weights of every checkpoint
    are kept in the folder `keep`. Raises `NothingToLearn`, and `StopRequested` when asked to end.
    """
    base = policy.base
    rate = config.learning_rate or (1e-3 if base.is_small else 2e-5)
    dropped = Counter(frozen.manifest.dropped)
    pairs = encoded_once(
        claim.folder,
        f"{frozen.manifest.sha256}:{base.fingerprint}:{config.strength}:{config.batch_size}",
        dropped,
        lambda counted: encode_pairs(
            base.tokenizer,
            base.thought_format,
            frozen.pairs,
            base.context_length,
            counted,
            most_pairs=config.batch_size,
            strength=config.strength,
        ),
    )
    if not pairs:
        raise NothingToLearn(f"No pair is left to learn from. {in_words(dropped)}")
    for warning in (guards.only_ties(pairs), guards.one_side_longer(pairs)):
        if warning:
            claim.note(warning, "warning")

    claim.enter("asking the reference")
    references = reference_logps(
        policy.scorer,
        pairs,
        claim,
        ranks,
        key=":".join(
            (
                frozen.manifest.sha256,
                base.fingerprint,
                parent.sha256 if parent else "base",
                config.precision,
            )
        ),
        token_budget=config.token_budget,
        pad_id=base.pad_id,
    )
    logps_of = {id(pair): logps for pair, logps in zip(pairs, references, strict=True)}
    learnt, held = hold_out(pairs, config.eval_share)
    items, held_out = ([Item(pair, logps_of[id(pair)]) for pair in part] for part in (learnt, held))

    objective = partial(
        preference_objective,
        form=config.form,
        beta=config.beta,
        label_smoothing=config.label_smoothing,
        tie_strength=config.tie_strength,
        length_normalised=config.length_normalised,
        nll_weight=config.nll_weight,
    )
    fitted = fit(
        policy,
        objective,
        items,
        held_out,
        config,
        claim,
        ranks,
        learning_rate=rate,
        first_loss=_first_loss(items, config, objective),
        keep=keep,
    )
    summary = {
        **fitted.metrics,
        "n_pairs": sum(pair.size for pair in pairs),
        "n_held_out": sum(pair.size for pair in held),
        "n_steps": fitted.n_steps,
        "dropped": dict(dropped),
    }
    return Learnt(fitted, asdict(config) | {"learning_rate": rate}, summary)


def check(config: DpoConfig) -> None:
    """Raise `ConfigurationError` for settings that are each fine and make no sense together."""
    if config.form is PreferenceForm.IPO and config.label_smoothing:
        raise ConfigurationError(
            f"label_smoothing is {config.label_smoothing}, which ipo has no use for. Set it to 0, "
            "or choose form sigmoid or robust."
        )


def _first_loss(items: Sequence[Item], config: DpoConfig, objective: JudgeBatch) -> float:
    """The loss of the first step if nothing is learnt yet: the policy then is its reference.

    ln 2 for the plain form; whatever the form says of a difference of 0 for the others. The
    likelihood term is left to the model, so with it this is a bound that is reached.
    """
    plan = plan_steps([item.encoded.size for item in items], config.batch_size, 1, config.seed)
    first = [items[index] for index in plan[0]]
    batch = build(first, Rows.PADDED, pad_id=0)
    sums, owners = batch.reference_logps, batch.targets.completions
    shares = sums / torch.bincount(owners, minlength=len(sums))  # (C,): the same sum, spread evenly
    judged = objective(Scored(shares[owners], None), batch)
    return ((judged.loss * batch.example_weights).sum() / batch.example_weights.sum()).item()
