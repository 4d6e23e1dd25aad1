"""What a recipe asks of a scored micro-batch: one loss for each example, and figures to watch."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from training.data.batches import MicroBatch
from training.losses import (
    BETA_0,
    Logps,
    PreferenceForm,
    Spans,
    confidence_betas,
    preference_loss,
    thought_mask_loss,
    weighted_nll,
)
from training.policy.scorer import Scored


class Objective(NamedTuple):
    """One micro-batch, judged: a value for each of its b examples."""

    loss: Tensor
    """(b,), with its graph."""
    metrics: dict[str, Tensor]
    """(b,) each, named as TRL names them."""


JudgeBatch = Callable[[Scored, MicroBatch], Objective]


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
) -> Objective:
    """Judge the pairs of a micro-batch by a loss of the DPO family."""
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
    """Judge the trajectories of a micro-batch by the thought-mask loss."""
    targets, n_rows = batch.targets, batch.n_completions
    if scored.consistency is None:
        nll = weighted_nll(scored.logps, targets.weights, targets.completions, n_rows)  # (C,)
        return Objective(lambdas[0] * nll, {})
    n_most = int(batch.n_rounds.max()) + 1
    names = targets.completions * n_most + targets.rounds  # (N,)
    spans, of_tokens = names.unique(return_inverse=True)  # (S,), (N,)
    rows, rounds = spans // n_most, spans % n_most  # (S,) each
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
    """Sum the log-probabilities of each completion, (C,)."""
    zeros = scored.logps.new_zeros(batch.n_completions)  # (C,)
    return zeros.index_add(0, batch.targets.completions, scored.logps)
