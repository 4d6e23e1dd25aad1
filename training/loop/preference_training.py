"""Trains on frozen preference pairs with a loss of the DPO family.

DPO and TPO differ in where their pairs come from; both are trained here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from db.models import Adapter
from ptrapp.core.errors import NothingToLearn
from ptrapp.recipes.preferences import PreferenceConfig
from ptrapp.recipes.training import Normalise
from training.data.batches import Item, Rows, build
from training.data.encode import encode_pairs
from training.data.examples import in_words
from training.data.hold_out import hold_out
from training.data.plan import plan_steps
from training.data.snapshot import Snapshot
from training.data.token_cache import TOKENISING, encoded_once
from training.data.tokens import mean_chosen_tokens
from training.jobs.claim import Claim
from training.jobs.ranks import Ranks
from training.loop import warnings
from training.loop.fit import Fitted, fit
from training.loop.memory_plan import chosen_settings, plan_memory
from training.loop.objectives import ObjectiveFunction, preference_objective
from training.loop.reference import reference_logps
from training.policy.model import Policy
from training.policy.scorer import Scored


class Learnt(NamedTuple):
    """The result of training on pairs."""

    fitted: Fitted
    settings: dict[str, Any]
    """Settings as run, with every default filled in."""
    summary: dict[str, Any]
    """The version's metrics: the last values, and the numbers of pairs."""


def learn_pairs(
    claim: Claim,
    ranks: Ranks,
    config: PreferenceConfig,
    policy: Policy,
    parent: Adapter | None,
    frozen: Snapshot,
    *,
    weights_folder: Path | None = None,
) -> Learnt:
    """Trains on frozen pairs; shared by every recipe that learns from preferences.

    `policy` is the parent's, not trained yet: it is the reference. The weights of every checkpoint
    are saved in `weights_folder`. Raises `NothingToLearn`, and `StopRequested` when asked to end.
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
            max_pairs=config.batch_size,
            strength=config.strength,
            watch=partial(claim.each, phase=TOKENISING),
        ),
    )
    if not pairs:
        raise NothingToLearn(f"No pair is left to learn from. {in_words(dropped)}")
    length = warnings.one_side_longer(pairs) or warnings.lengths_differ(pairs)
    for warning in (warnings.only_ties(pairs), length):
        if warning:
            claim.note(warning, "warning")

    plan = plan_memory(policy, [Item(pair) for pair in pairs], config, claim, ranks)
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
                base.precision,
            )
        ),
        token_budget=plan.token_budget,
        pad_id=base.pad_id,
        epochs=config.epochs,
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
        nll_tokens=mean_chosen_tokens(learnt) if config.nll_normalise is Normalise.TOKEN else None,
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
        token_budget=plan.token_budget,
        first_loss=_first_loss(items, config, objective),
        weights_folder=weights_folder,
    )
    n_pairs = sum(pair.size for pair in pairs)
    summary = {
        **fitted.metrics,
        "n_pairs": n_pairs,
        "n_learnt": n_pairs,  # of TPO, n_pairs is what it made itself
        "n_held_out": sum(pair.size for pair in held),
        "n_steps": fitted.n_steps,
        "dropped": dict(dropped),
    }
    settings = asdict(config) | {"learning_rate": rate} | chosen_settings(policy, plan)
    return Learnt(fitted, settings, summary)


def _first_loss(
    items: Sequence[Item], config: PreferenceConfig, objective: ObjectiveFunction
) -> float:
    """Returns the loss of the first step, at which the policy equals its reference.

    That is ln 2 for the plain form, and the form's value at a difference of 0 for the others. The
    likelihood term uses the reference's log-probabilities, spread evenly over the tokens.
    """
    plan = plan_steps([item.encoded.size for item in items], config.batch_size, 1, config.seed)
    first = [items[index] for index in plan[0]]
    batch = build(first, Rows.PADDED, pad_id=0)
    sums, completions = batch.reference_logps, batch.targets.completions
    means = sums / torch.bincount(completions, minlength=len(sums))  # (C,): the same sum per token
    computed = objective(Scored(means[completions], None), batch)
    return ((computed.loss * batch.example_weights).sum() / batch.example_weights.sum()).item()
