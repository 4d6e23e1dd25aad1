"""Training on preference pairs: frozen pairs to trained weights, with a loss of the DPO family.

DPO and TPO differ in where their pairs come from; what is learnt from them, and how, is the same.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from db.models import Adapter
from ptrapp.core.errors import ConfigurationError, NothingToLearn
from training.data.batches import Item, Rows, build
from training.data.encode import Strength, encode_pairs
from training.data.examples import in_words
from training.data.hold_out import hold_out
from training.data.plan import plan_steps
from training.data.snapshot import Snapshot
from training.data.token_cache import encoded_once
from training.jobs.claim import Claim
from training.jobs.payload import STRICT
from training.jobs.ranks import Ranks
from training.loop import warnings
from training.loop.fit import Fitted, fit
from training.loop.objectives import JudgeBatch, preference_objective
from training.loop.reference import reference_logps
from training.losses import PreferenceForm
from training.policy.config import TrainingConfig
from training.policy.model import Policy
from training.policy.scorer import Scored

KNOW_TIES = (PreferenceForm.RAO_KUPPER, PreferenceForm.DAVIDSON)


@dataclass(frozen=True, slots=True, config=STRICT)
class PreferenceConfig(TrainingConfig):
    """The settings of a job that learns from preference pairs."""

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
    config: PreferenceConfig,
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
    for warning in (warnings.only_ties(pairs), warnings.one_side_longer(pairs)):
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


def check(config: PreferenceConfig) -> None:
    """Raise `ConfigurationError` for settings that are each fine and make no sense together."""
    if config.form is PreferenceForm.IPO and config.label_smoothing:
        raise ConfigurationError(
            f"label_smoothing is {config.label_smoothing}, which ipo has no use for. Set it to 0, "
            "or choose form sigmoid or robust."
        )


def _first_loss(items: Sequence[Item], config: PreferenceConfig, objective: JudgeBatch) -> float:
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
