"""The training loop of a reward model: steps over pairs, curves, and a state to resume from."""

import io
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from ptrapp.core.errors import TrainingError
from ptrapp.recipes.reward_model import RewardConfig
from training.data.plan import plan_steps
from training.jobs import atomic_write
from training.jobs.claim import REPORT_EVERY_S, Claim, StopRequested
from training.losses.reward import reward_model_loss
from training.rewarding.classifier import Classifier
from training.rewarding.encode import EncodedComparison

STATE = "reward-state.pt"
"""File in the job's folder with trained weights, optimiser and step, written after each epoch and
when the job is stopped. A step depends on nothing else, so a resumed job ends with the same
weights."""

Curves = dict[str, list[tuple[int, float]]]


class LearntReward(NamedTuple):
    """The result of the loop."""

    n_steps: int
    curves: Curves
    """(step, value) by name, of the steps since the job was last started."""


class _Sums(NamedTuple):
    """Sums over the pairs of a step, scalars."""

    loss: Tensor
    metrics: dict[str, float]
    weight: float


def learn(
    model: Classifier,
    examples: Sequence[EncodedComparison],
    held_out: Sequence[EncodedComparison],
    config: RewardConfig,
    claim: Claim,
    *,
    learning_rate: float,
) -> LearntReward:
    """Trains to the end, from the stored state if there is one.

    The held-out pairs are evaluated after each epoch and select nothing, so the accuracy on them is
    unbiased. Raises `StopRequested` with the state stored.
    """
    plan = plan_steps(
        [each.size for each in examples], config.batch_size, config.epochs, config.seed
    )
    weights = list(model.trained.values())
    optimizer = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=0.0)
    n_done = _restore(claim, model, optimizer)
    per_epoch = math.ceil(len(plan) / config.epochs)
    curves: Curves = defaultdict(list)
    pending: dict[int, dict[str, float]] = {}
    began, reported = time.monotonic(), 0.0
    for step in range(n_done, len(plan)):
        if claim.stop.is_set():
            _store(claim, model, optimizer, step)
            raise StopRequested
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * _share(step, len(plan), config.warm_up)
        torch.manual_seed(config.seed + step)  # for dropout, where a base has one
        metrics = _step(model, [examples[at] for at in plan[step]], optimizer, config, step)
        now = time.monotonic()
        at_end = (step + 1) % per_epoch == 0 or step + 1 == len(plan)
        if at_end:
            metrics |= evaluate(model, held_out, config)
            _store(claim, model, optimizer, step + 1)
        for name, value in metrics.items():
            curves[name].append((step + 1, value))
        pending[step + 1] = metrics
        if at_end or now - reported >= REPORT_EVERY_S:
            eta_s = (now - began) / (step + 1 - n_done) * (len(plan) - step - 1)
            if claim.report("training", step + 1, len(plan), eta_s, pending):
                pending = {}
            reported = now
    return LearntReward(len(plan), curves)


def evaluate(
    model: Classifier, held_out: Sequence[EncodedComparison], config: RewardConfig
) -> dict[str, float]:
    """Returns loss and accuracy on held-out pairs; empty where there are none."""
    if not held_out:
        return {}
    model.model.eval()
    with torch.no_grad():
        parts = [
            _loss_sums(model, group, config) for group in _groups(held_out, config.token_budget)
        ]
    return {f"eval_{name}": value for name, value in _means(parts).items()}


def _step(
    model: Classifier,
    examples: Sequence[EncodedComparison],
    optimizer: torch.optim.Optimizer,
    config: RewardConfig,
    step: int,
) -> dict[str, float]:
    """Makes one optimiser step; its gradient is accumulated over groups within the token budget."""
    model.model.train()
    weight = sum(pair.weight for each in examples for pair in each.pairs)
    optimizer.zero_grad()
    parts = []
    for group in _groups(examples, config.token_budget):
        part = _loss_sums(model, group, config)
        (part.loss / weight).backward()
        parts.append(part)
    norm = clip_grad_norm_(list(model.trained.values()), config.max_grad_norm)
    metrics = _means(parts)
    if not math.isfinite(metrics["loss"]) or not torch.isfinite(norm):
        raise TrainingError(
            f"The loss of step {step + 1} is not a number; lower learning_rate and queue it again."
        )
    optimizer.step()
    return metrics | {"grad_norm": float(norm)}


def _loss_sums(
    model: Classifier, group: Sequence[EncodedComparison], config: RewardConfig
) -> _Sums:
    rows = [row for each in group for row in each.rows]
    scores = model.score(rows)  # (R,)
    pairs = [pair for each in group for pair in each.pairs]
    chosen: list[int] = []
    rejected: list[int] = []
    first = 0
    for each in group:
        chosen += [first + pair.chosen for pair in each.pairs]
        rejected += [first + pair.rejected for pair in each.pairs]
        first += len(each.rows)
    weights = scores.new_tensor([pair.weight for pair in pairs])  # (P,)
    computed = reward_model_loss(
        scores[chosen],
        scores[rejected],
        scores.new_tensor([pair.outcomes for pair in pairs]),  # (P, 3)
        scores.new_tensor([pair.margin for pair in pairs]),  # (P,)
        form=config.form,
        tie_strength=config.tie_strength,
        centre=config.centre,
    )
    loss = (computed.loss * weights).sum()
    values = {
        "loss": computed.loss,
        "rewards/chosen": scores[chosen],
        "rewards/rejected": scores[rejected],
        "rewards/margins": computed.margins,
        "rewards/accuracies": (computed.margins > 0).float(),
    }
    metrics = {name: float((value.detach() * weights).sum()) for name, value in values.items()}
    return _Sums(loss, metrics, float(weights.sum()))


def _means(parts: Sequence[_Sums]) -> dict[str, float]:
    weight = sum(part.weight for part in parts)
    return {name: sum(part.metrics[name] for part in parts) / weight for name in parts[0].metrics}


def _groups(
    examples: Sequence[EncodedComparison], token_budget: int
) -> Iterator[list[EncodedComparison]]:
    """Yields neighbours that fit the budget, padding counted; a question is never split."""
    group: list[EncodedComparison] = []
    for each in examples:
        wider = [*group, each]
        longest = max(each.n_padded // len(each.rows) for each in wider)
        if group and longest * sum(len(each.rows) for each in wider) > token_budget:
            yield group
            wider = [each]
        group = wider
    if group:
        yield group


def _share(step: int, n_steps: int, warm_up: float) -> float:
    """Returns the share of the peak rate: it rises, then falls, linearly."""
    n_warm = math.ceil(n_steps * warm_up)
    if step < n_warm:
        return (step + 1) / (n_warm + 1)
    return (n_steps - step) / max(n_steps - n_warm, 1)


def _store(claim: Claim, model: Classifier, optimizer: torch.optim.Optimizer, step: int) -> None:
    buffer = io.BytesIO()
    weights = {name: weight.detach() for name, weight in model.trained.items()}
    torch.save({"step": step, "weights": weights, "optimizer": optimizer.state_dict()}, buffer)
    atomic_write.write(claim.folder / STATE, buffer.getvalue())


def _restore(claim: Claim, model: Classifier, optimizer: torch.optim.Optimizer) -> int:
    """Loads the stored state; returns the number of finished steps."""
    path = claim.folder / STATE
    if not path.is_file():
        return 0
    stored = torch.load(path, map_location="cpu", weights_only=True)
    with torch.no_grad():
        for name, weight in model.trained.items():
            weight.copy_(stored["weights"][name])
    optimizer.load_state_dict(stored["optimizer"])
    return int(stored["step"])
