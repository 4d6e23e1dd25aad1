"""The loop: a `transformers.Trainer` whose batch is one optimiser step, with our losses.

One item of the data set is one step. `training_step` cuts it into micro-batches that fit in memory
and divides by the weight of the whole step, so the gradient does not depend on how it was cut nor
on how many processes share it. Trainer brings exact resume, schedules, clipping, devices and nodes.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback

from ptrapp.core.errors import TrainingError
from training.data.batches import Item, MicroBatch, build
from training.data.plan import cut, shard
from training.jobs.ranks import Ranks
from training.loop.arguments import Budget, LoopArguments, Steps, trainer_arguments
from training.loop.memory import OUT_OF_MEMORY, free_memory, is_out_of_memory
from training.loop.metrics import Metrics
from training.loop.objectives import ObjectiveFunction
from training.policy.scorer import Scorer
from training.policy.weights import load_weights, save_weights, trained_weights

log = logging.getLogger(__name__)


class StepTrainer(Trainer):
    """A `Trainer` whose batch is one optimiser step, cut into micro-batches by tokens."""

    def __init__(
        self,
        scorer: Scorer,
        steps: Steps,
        objective: ObjectiveFunction,
        loop: LoopArguments,
        ranks: Ranks,
        *,
        folder: Path,
        token_budget: int,
        pad_id: int,
        held_out: Sequence[Item] = (),
        first_loss: float | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        warn: Callable[[str], None] = log.warning,
    ) -> None:
        """`first_loss` is the loss expected at the first step, if it is known.

        `warn` receives a sentence for people on what the loop has changed by itself.
        """
        self._ranks = ranks
        self._layout = scorer.layout
        self._precision = next(scorer.causal.parameters()).dtype
        super().__init__(
            model=scorer,
            args=trainer_arguments(loop, folder, next(scorer.parameters()).device),
            train_dataset=steps,
            eval_dataset=held_out or None,
            data_collator=lambda batch: batch[0],
            callbacks=[Budget(token_budget), *callbacks],
        )
        self.pop_callback(PrinterCallback)
        self._steps = steps
        self._held_out = held_out
        self._warm_up = loop.warm_up
        self._objective = objective
        self._pad_id = pad_id
        self._first_loss = first_loss
        self._warn = warn
        self._metrics: dict[str, float] = {}
        self._step_ended = time.monotonic()

    @property
    def budget(self) -> Budget:
        """The token budget in force; a resumed run brings its own."""
        (found,) = (c for c in self.callback_handler.callbacks if isinstance(c, Budget))
        return found

    def training_step(
        self,
        model: nn.Module,
        inputs: Any,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Accumulates the gradient of one optimiser step and returns its mean loss."""
        model.train()
        while True:
            try:
                return self._accumulate(model, inputs)
            except OUT_OF_MEMORY as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(inputs)
            free_memory(model)

    def _accumulate(self, model: nn.Module, items: Sequence[Item]) -> Tensor:
        total = torch.zeros((), device=self.args.device)
        sums = Metrics()
        batches = self._micro_batches(items)
        weight = sum(item.weight for item in items)
        for at, batch in enumerate(batches, start=1):
            with nullcontext() if at == len(batches) else self.accelerator.no_sync(model):
                loss, metrics = self._objective(model(batch), batch)
                share = (loss * batch.example_weights.to(loss.dtype)).sum() / weight
                # Data-parallel engines average gradients over processes; the step needs their sum.
                self.accelerator.backward(share * self._ranks.n)
            total += share.detach()
            sums.add(metrics, batch)
        total = total * self._ranks.n  # Trainer logs the mean over the processes
        self._check(total)
        self._metrics = sums.means(self._ranks)
        return total

    def _micro_batches(self, items: Sequence[Item]) -> list[MicroBatch]:
        rows = self._layout.rows
        budget = self.budget.tokens
        groups = cut(items, rows, budget)
        if self._ranks.n > 1:
            share = sum(item.encoded.n_tokens for item in items) // self._ranks.n
            groups = cut(items, rows, min(budget, max(share, 1)))
            groups = shard(groups, rows, self._ranks.index, self._ranks.n)
        return [build(group, rows, self._pad_id).to(self.args.device) for group in groups]

    def _halve(self, items: Sequence[Item]) -> None:
        """Halves the budget. Raises `TrainingError` when it cannot be halved further."""
        longest = max(item.encoded.n_tokens for item in items)
        n_groups = len(cut(items, self._layout.rows, self.budget.tokens))
        if self._ranks.n > 1 or n_groups == len(items):
            raise TrainingError(
                f"The memory does not suffice for {longest} tokens at once (token_budget "
                f"{self.budget.tokens}). Lower token_budget, switch activation_checkpointing on, "
                "or shorten the longest conversations."
            )
        self.budget.tokens //= 2
        self._warn(
            f"The memory ran out; going on with a token budget of {self.budget.tokens} from step "
            f"{self.state.global_step + 1}."
        )

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Computes the metrics of the held-out examples, named as TRL names them."""
        model = self.model_wrapped
        model.eval()
        sums = Metrics()
        for batch in self._micro_batches(self._held_out):
            with torch.no_grad():
                loss, metrics = self._objective(model(batch), batch)
            sums.add(metrics | {"loss": loss}, batch)
        means = sums.means(self._ranks)
        del means["n_tokens"]
        found = {f"eval_{name}": value for name, value in means.items()}
        self.log(dict(found))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics=found
        )
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds the loss's own metrics and the speed of the step."""
        if "loss" in logs:
            now = time.monotonic()
            n_tokens = self._metrics.pop("n_tokens", 0.0)
            logs |= self._metrics | {"tokens/s": n_tokens / max(now - self._step_ended, 1e-9)}
            self._step_ended = now
        super().log(logs, start_time)

    def _check(self, total: Tensor) -> None:
        losses = self._ranks.gather([total.item()])
        loss = sum(losses) / len(losses)
        step = self.state.global_step + 1
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss of step {step} is not a number; lower learning_rate and queue it again."
            )
        tolerance = 1e-3 if self._precision in (torch.float32, torch.float64) else 0.05
        expected = self._first_loss if step == 1 else None
        if expected is not None and abs(loss - expected) > tolerance:
            raise TrainingError(
                f"Before the first step the loss is {loss:.4f} instead of {expected:.4f}: the "
                "policy is not its reference. Please report this."
            )

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LambdaLR:
        """Rises and then falls linearly; with Trainer's own schedule the first step has rate 0."""
        if self.lr_scheduler is None:
            to_steer = optimizer or self.optimizer
            assert to_steer is not None, "Trainer makes the optimizer first"
            n_warm = math.ceil(num_training_steps * self._warm_up)

            def share(step: int) -> float:
                if step < n_warm:
                    return (step + 1) / (n_warm + 1)
                return max(num_training_steps - step, 0) / max(num_training_steps - n_warm, 1)

            self.lr_scheduler = LambdaLR(to_steer, share)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader[list[Item]]:
        """Gives every process every step, in order; each takes its share of a step.

        accelerate's sharding by rows would repeat some to come out even (transformers#35203).
        """
        return DataLoader(self._steps, batch_size=1, shuffle=False, collate_fn=self.data_collator)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Saves the trained weights alone: Trainer would ask the hub for the base."""
        weights = trained_weights(self.model_wrapped)
        if self._ranks.leads:
            save_weights(Path(output_dir or str(self.args.output_dir)), weights)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        load_weights(Path(resume_from_checkpoint), model or self.model_wrapped)

    def _load_best_model(self) -> None:
        best = self.state.best_model_checkpoint
        assert best is not None, "Trainer asks only when there is one"
        load_weights(Path(best), self.model_wrapped)
