"""Trains encoded examples to weights, for every recipe: estimate, loop, best checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from transformers import EarlyStoppingCallback, TrainerCallback

from ptrapp.recipes.training import TrainingConfig
from training.data.batches import Item
from training.data.plan import plan_steps
from training.jobs.claim import Claim, StopRequested
from training.jobs.ranks import Ranks
from training.loop.arguments import LoopArguments, Steps
from training.loop.estimate import estimate
from training.loop.objectives import ObjectiveFunction
from training.loop.reporting import Reporter, last_complete_checkpoint, last_metrics
from training.loop.trainer import StepTrainer
from training.policy.checkpoint_weights import SaveWeights
from training.policy.model import Policy
from training.policy.weights import trained_weights


class Fitted(NamedTuple):
    """The result of a training."""

    weights: dict[str, Tensor]
    """Trained weights of the best checkpoint, or of the last step when nothing was held out."""
    metrics: dict[str, float]
    """The last value of each metric."""
    n_steps: int
    """Steps planned; early stopping may have used fewer."""


def fit(
    policy: Policy,
    objective: ObjectiveFunction,
    items: Sequence[Item],
    held_out: Sequence[Item],
    config: TrainingConfig,
    claim: Claim,
    ranks: Ranks,
    *,
    learning_rate: float,
    token_budget: int,
    first_loss: float | None = None,
    per_token: bool = False,
    weights_folder: Path | None = None,
) -> Fitted:
    """Trains to the end, from the job's last checkpoint if there is one.

    The weights of every checkpoint are saved in `weights_folder`, if one is given.
    Raises `StopRequested` after saving a checkpoint when the worker asked to end.
    """
    folder = claim.folder / "checkpoints"
    sizes = [item.encoded.size for item in items]
    plan = plan_steps(sizes, config.batch_size, config.epochs, config.seed)
    checkpoint = ranks.broadcast(last_complete_checkpoint(folder) if ranks.leads else None)
    expected_s: float | None = None
    if checkpoint is None and ranks.n == 1:
        claim.enter("measuring a step")
        estimated = estimate(
            policy.scorer,
            objective,
            items,
            plan,
            token_budget=token_budget,
            pad_id=policy.base.pad_id,
        )
        claim.note(estimated.in_words(len(plan)))
        token_budget, expected_s = estimated.token_budget, estimated.seconds
    claim.report("training", 0, len(plan), expected_s)
    callbacks: list[TrainerCallback] = (
        [SaveWeights(weights_folder, ranks)] if weights_folder is not None else []
    )
    callbacks.append(Reporter(claim, ranks))  # last: it marks the checkpoint as complete
    if held_out and config.patience is not None:
        callbacks.append(EarlyStoppingCallback(config.patience))
    trainer = StepTrainer(
        policy.scorer,
        Steps(items, plan, per_token=per_token),
        objective,
        LoopArguments(
            learning_rate=learning_rate,
            warm_up=config.warm_up,
            max_grad_norm=config.max_grad_norm,
            save_steps=config.save_steps,
            evaluate=bool(held_out),
            seed=config.seed,
        ),
        ranks,
        folder=folder,
        token_budget=token_budget,
        pad_id=policy.base.pad_id,
        held_out=held_out,
        first_loss=first_loss,
        callbacks=callbacks,
        warn=lambda text: claim.note(text, "warning"),
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if ranks.any(claim.stop.is_set()):
        raise StopRequested
    metrics = last_metrics(trainer.state.log_history)
    return Fitted(trained_weights(trainer.model_wrapped), metrics, len(plan))
