"""The loop: `transformers.Trainer`, whose step is a list of micro-batches and whose loss is ours.

One item of the data set is one optimiser step. `training_step` runs its micro-batches and divides
by the number of examples in the whole step, so the gradient does not depend on how it was cut.
Trainer brings exact resume, schedules, clipping and devices.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ptrapp.core.errors import TrainingError
from training.batches import Item, MicroBatch, micro_batches
from training.claim import Claim, StopRequested
from training.reporting import Reporter, last_metrics, last_whole_checkpoint


class Objective(NamedTuple):
    """One micro-batch, judged: a value for each of its b examples."""

    loss: Tensor
    """(b,), with its graph."""
    metrics: dict[str, Tensor]
    """(b,) each, named as TRL names them."""


JudgeBatch = Callable[[nn.Module, MicroBatch], Objective]


@dataclass(frozen=True, slots=True)
class Loop:
    """How the steps are carried out, whatever the loss."""

    learning_rate: float
    token_budget: int
    warm_up: float
    max_grad_norm: float
    save_steps: int
    seed: int


class Steps(Dataset[list[Item]]):
    """The examples of each optimiser step, in the order they are taken, epochs unrolled."""

    def __init__(self, items: Sequence[Item], plan: Sequence[Sequence[int]]) -> None:
        self._items = items
        self._plan = plan

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, step: int) -> list[Item]:
        return [self._items[index] for index in self._plan[step]]


class StepTrainer(Trainer):
    """A `Trainer` whose batch is one optimiser step, cut into micro-batches by tokens."""

    def __init__(
        self,
        model: PeftModel,
        steps: Steps,
        objective: JudgeBatch,
        loop: Loop,
        *,
        folder: Path,
        pad_id: int,
        first_loss: float | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        """`first_loss` is what the loss must be before anything was learnt, if that is known."""

        def cut(rows: list[list[Item]]) -> Any:
            return micro_batches(rows[0], loop.token_budget, pad_id)

        super().__init__(
            model=model,
            args=_arguments(loop, folder, next(model.parameters()).device),
            train_dataset=steps,
            data_collator=cut,
            callbacks=list(callbacks),
        )
        self.pop_callback(PrinterCallback)
        self._adapter = model
        self._in_bfloat16 = model.dtype is torch.bfloat16
        self._steps = steps
        self._warm_up = loop.warm_up
        self._objective = objective
        self._first_loss = first_loss
        self._metrics: dict[str, float] = {}
        self._step_ended = time.monotonic()

    def training_step(
        self,
        model: nn.Module,
        inputs: Any,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Accumulate the gradient of one optimiser step and return its mean loss."""
        model.eval()  # no dropout anywhere: the base's own would part the policy from its reference
        n_examples = sum(len(batch.example_weights) for batch in inputs)
        sums: dict[str, float] = defaultdict(float)
        total = torch.zeros((), device=self.args.device)
        n_tokens = 0
        for at, batch in enumerate(inputs, start=1):
            batch = batch.to(self.args.device)
            n_tokens += int(batch.attention_mask.sum())
            with nullcontext() if at == len(inputs) else self.accelerator.no_sync(model):
                loss, metrics = self._objective(model, batch)
                share = (loss * batch.example_weights).sum() / n_examples
                self.accelerator.backward(share)
            total += share.detach()
            for name, values in metrics.items():
                sums[name] += values.detach().sum().item() / n_examples
        self._check(total.item())
        self._metrics = dict(sums) | {"n_tokens": n_tokens}
        return total

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the loss's own metrics and the speed of the step."""
        if "loss" in logs:
            now = time.monotonic()
            n_tokens = self._metrics.pop("n_tokens", 0.0)
            logs |= self._metrics | {"tokens/s": n_tokens / max(now - self._step_ended, 1e-9)}
            self._step_ended = now
        super().log(logs, start_time)

    def _check(self, loss: float) -> None:
        step = self.state.global_step + 1
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss of step {step} is not a number; lower learning_rate and queue it again."
            )
        tolerance = 0.05 if self._in_bfloat16 else 1e-3
        known = self._first_loss if step == 1 else None
        if known is not None and abs(loss - known) > tolerance:
            raise TrainingError(
                f"Before the first step the loss is {loss:.4f} instead of {known:.4f}: the policy "
                "is not its reference. Please report this."
            )

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LambdaLR:
        """Rise, then fall, in a line; with Trainer's own the first step has rate 0."""
        if self.lr_scheduler is None:
            to_steer = optimizer or self.optimizer
            assert to_steer is not None, "Trainer makes the optimizer first"
            n_warm = math.ceil(num_training_steps * self._warm_up)

            def share(step: int) -> float:
                if step < n_warm:
                    return (step + 1) / (n_warm + 1)
                return max(num_training_steps - step, 0) / (num_training_steps - n_warm)

            self.lr_scheduler = LambdaLR(to_steer, share)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(self._steps)

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        """Save the LoRA alone: Trainer would ask the hub for the base and pickle its arguments."""
        folder = output_dir or str(self.args.output_dir)
        self._adapter.save_pretrained(folder, state_dict=state_dict, save_embedding_layers=False)


def fit(
    model: PeftModel,
    steps: Steps,
    objective: JudgeBatch,
    loop: Loop,
    claim: Claim,
    *,
    pad_id: int,
    first_loss: float | None = None,
) -> dict[str, float]:
    """Train to the end, from the job's last checkpoint if there is one; return the last metrics.

    Raises `StopRequested` after saving a checkpoint when the worker asked to end.
    """
    folder = claim.folder / "checkpoints"
    checkpoint = last_whole_checkpoint(folder)
    trainer = StepTrainer(
        model,
        steps,
        objective,
        loop,
        folder=folder,
        pad_id=pad_id,
        first_loss=first_loss,
        callbacks=[Reporter(claim)],
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if claim.stop.is_set():
        raise StopRequested
    return last_metrics(trainer.state.log_history)


def _arguments(loop: Loop, folder: Path, device: torch.device) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=1,  # one item is one optimiser step
        num_train_epochs=1,  # the epochs are unrolled in the plan
        learning_rate=loop.learning_rate,
        max_grad_norm=loop.max_grad_norm,
        weight_decay=0.0,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=loop.save_steps,
        save_total_limit=2,
        seed=loop.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=device.type == "cpu",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # without a launcher Trainer would take DataParallel
    return arguments
