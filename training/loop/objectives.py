"""The objectives: from a scored micro-batch to one loss for each example, with its metrics."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ptrapp.recipes.preferences import PreferenceForm
from training.data.batches import MicroBatch
from training.losses import (
    BETA_0,
    Logps,
    Spans,
    confidence_betas,
    preference_loss,
    thought_mask_loss,
    weighted_nll,
)
from training.policy.scorer import Scored


class Objective(NamedTuple):
    """A value for each of the b examples of a micro-batch."""

    loss: Tensor
    """(b,), with its graph."""
    metrics: dict[str, Tensor]
    """(b,) each, named as TRL names them."""


ObjectiveFunction = Callable[[Scored, MicroBatch], Objective]


def preference_objective(
    scored: Scored,
    batch: MicroBatch,
    *,
    form: PreferenceForm = PreferenceForm.SIGMOID,
    beta: float,
    label_smoothing: float = 0.0,
    tie_strength: float = 3.0,
    length_normalised: bool = False,
    nll_weight: float = 0.0,
    nll_tokens: float | None = None,
) -> Objective:
    """Computes a loss of the DPO family on the pairs of a micro-batch."""
    sums = sequence_logps(scored, batch)  # (C,)
    lengths = torch.bincount(batch.targets.completions, minlength=len(sums))  # (C,)
    chosen, rejected = batch.preferences.pairs.unbind(1)  # (P,) each
    references = batch.reference_logps.to(sums.dtype)  # (C,)
    loss, chosen_rewards, rejected_rewards = preference_loss(
        Logps(sums[chosen], sums[rejected], references[chosen], references[rejected]),
        lengths[chosen],
        lengths[rejected],
        batch.preferences.outcomes.to(sums.dtype),
        batch.preferences.margins.to(sums.dtype),
        form=form,
        beta=beta,
        label_smoothing=label_smoothing,
        tie_strength=tie_strength,
        length_normalised=length_normalised,
        nll_weight=nll_weight,
        nll_tokens=nll_tokens,
    )
    margins = chosen_rewards - rejected_rewards
    return Objective(
        loss,
        {
            "rewards/chosen": chosen_rewards,
            "rewards/rejected": rejected_rewards,
            "rewards/margins": margins,
            "rewards/accuracies": (margins > 0).float(),
            "logps/chosen": sums[chosen],
            "logps/rejected": sums[rejected],
            "logps/ref_chosen": references[chosen],
        },
    )


def imitation_objective(
    scored: Scored,
    batch: MicroBatch,
    *,
    lambdas: tuple[float, float, float],
    beta_0: float = BETA_0,
) -> Objective:
    """Computes the thought-mask loss on the trajectories of a micro-batch."""
    targets, n_rows = batch.targets, batch.n_completions
    if scored.consistency is None:
        nll = weighted_nll(scored.logps, targets.weights, targets.completions, n_rows)  # (C,)
        return Objective(lambdas[0] * nll, {})
    stride = int(batch.n_rounds.max()) + 1
    span_ids = targets.completions * stride + targets.rounds  # (N,)
    spans, of_tokens = span_ids.unique(return_inverse=True)  # (S,), (N,)
    rows, rounds = spans // stride, spans % stride  # (S,) each
    betas = confidence_betas(rounds, batch.n_rounds[rows], beta_0)  # (S,)
    loss, nll, inconsistency, unconfidence = thought_mask_loss(
        scored.logps,
        targets.weights,
        Spans(of_tokens, rows, betas),
        scored.consistency,
        n_rows,
        lambdas=lambdas,
    )
    return Objective(
        loss, {"nll": nll, "inconsistency": inconsistency, "unconfidence": unconfidence}
    )


def sequence_logps(scored: Scored, batch: MicroBatch) -> Tensor:
    """Sums the log-probabilities of each completion, (C,)."""
    zeros = scored.logps.new_zeros(batch.n_completions)  # (C,)
    return zeros.index_add(0, batch.targets.completions, scored.logps)
