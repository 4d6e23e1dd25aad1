"""The loop: `transformers.Trainer`, whose batch is one optimiser step and whose loss is ours.

One item of the data set is one step. `training_step` cuts it into micro-batches that fit in memory
and divides by the examples of the whole step, so the gradient does not depend on how it was cut nor
on how many processes share it. Trainer brings exact resume, schedules, clipping, devices and nodes.
"""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import ExportableState

from ptrapp.core.errors import TrainingError
from training.batches import Item, MicroBatch, build, cut, shard
from training.encode import per_token
from training.memory import OUT_OF_MEMORY, forget_failed, is_out_of_memory
from training.objectives import JudgeBatch
from training.ranks import Ranks
from training.scorer import Scorer
from training.weights import load_weights, save_weights, trained_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loop:
    """How the steps are carried out, whatever the loss."""

    learning_rate: float
    warm_up: float
    max_grad_norm: float
    save_steps: int
    evaluate: bool
    """Whether held-out examples are looked at before each checkpoint, and the best one kept."""
    seed: int


class Steps(Dataset[list[Item]]):
    """The examples of each optimiser step, in the order they are taken, epochs unrolled."""

    def __init__(
        self, items: Sequence[Item], plan: Sequence[Sequence[int]], *, per_token: bool = False
    ) -> None:
        """With `per_token` every token of a step counts alike, else every example does."""
        self._items = items
        self._plan = plan
        self._per_token = per_token

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, step: int) -> list[Item]:
        items = [self._items[index] for index in self._plan[step]]
        if self._per_token:
            scales = per_token([item.encoded for item in items])
            items = [replace(item, scale=s) for item, s in zip(items, scales, strict=True)]
        return items


class Budget(TrainerCallback, ExportableState):
    """Tokens forwarded at once. It is kept with each checkpoint: a resumed run cuts its steps as
    the interrupted one did, and so rounds as it did."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def state(self) -> dict[str, Any]:
        return {"args": {"tokens": self.tokens}, "attributes": {}}


class StepTrainer(Trainer):
    """A `Trainer` whose batch is one optimiser step, cut into micro-batches by tokens."""

    def __init__(
        self,
        scorer: Scorer,
        steps: Steps,
        objective: JudgeBatch,
        loop: Loop,
        ranks: Ranks,
        *,
        folder: Path,
        token_budget: int,
        pad_id: int,
        held_out: Sequence[Item] = (),
        first_loss: float | None = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        """`first_loss` is what the loss must be before anything was learnt, if that is known."""
        self._ranks = ranks
        self._layout = scorer.layout
        self._precision = next(scorer.causal.parameters()).dtype
        super().__init__(
            model=scorer,
            args=_arguments(loop, folder, next(scorer.parameters()).device),
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
        """Accumulate the gradient of one optimiser step and return its mean loss."""
        model.train()
        while True:
            try:
                return self._accumulate(model, inputs)
            except OUT_OF_MEMORY as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(inputs)
            forget_failed(model)

    def _accumulate(self, model: nn.Module, items: Sequence[Item]) -> Tensor:
        total = torch.zeros((), device=self.args.device)
        figures = _Figures()
        batches = self._micro_batches(items)
        n_examples = sum(item.encoded.size for item in items)
        for at, batch in enumerate(batches, start=1):
            with nullcontext() if at == len(batches) else self.accelerator.no_sync(model):
                loss, metrics = self._objective(model(batch), batch)
                share = (loss * batch.example_weights.to(loss.dtype)).sum() / n_examples
                # Engines average over processes what we want summed.
                self.accelerator.backward(share * self._ranks.n)
            total += share.detach()
            figures.add(metrics, batch)
        total = total * self._ranks.n  # Trainer logs the mean over the processes
        self._check(total)
        self._metrics = self._together(figures)
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
        """Go on with half the budget. Raises `TrainingError` when nothing is left to halve."""
        longest = max(item.encoded.n_tokens for item in items)
        n_groups = len(cut(items, self._layout.rows, self.budget.tokens))
        if self._ranks.n > 1 or n_groups == len(items):
            raise TrainingError(
                f"The memory does not suffice for {longest} tokens at once (token_budget "
                f"{self.budget.tokens}). Lower token_budget, switch activation_checkpointing on, "
                "or shorten the longest conversations."
            )
        self.budget.tokens //= 2
        log.warning("out of memory: going on with a token budget of %d", self.budget.tokens)

    def _together(self, figures: "_Figures") -> dict[str, float]:
        """Sums over all processes, as means over examples."""
        held: dict[str, float] = defaultdict(float)
        for part in self._ranks.gather([dict(figures.sums)]):
            for name, value in part.items():
                held[name] += value
        n_examples, n_tokens = held.pop("n_examples"), held.pop("n_tokens")
        means = {name: value / n_examples for name, value in held.items()}
        return means | {"n_tokens": n_tokens}

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Judge the held-out examples; the figures are named as TRL names them."""
        model = self.model_wrapped
        model.eval()
        figures = _Figures()
        for batch in self._micro_batches(self._held_out):
            with torch.no_grad():
                loss, metrics = self._objective(model(batch), batch)
            figures.add(metrics | {"loss": loss}, batch)
        means = self._together(figures)
        del means["n_tokens"]
        found = {f"eval_{name}": value for name, value in means.items()}
        self.log(dict(found))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics=found
        )
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the loss's own metrics and the speed of the step."""
        if "loss" in logs:
            now = time.monotonic()
            n_tokens = self._metrics.pop("n_tokens", 0.0)
            logs |= self._metrics | {"tokens/s": n_tokens / max(now - self._step_ended, 1e-9)}
            self._step_ended = now
        super().log(logs, start_time)

    def _check(self, total: Tensor) -> None:
        loss = self._ranks.told(total.item()) if self._ranks.n == 1 else self._mean(total)
        step = self.state.global_step + 1
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss of step {step} is not a number; lower learning_rate and queue it again."
            )
        tolerance = 1e-3 if self._precision in (torch.float32, torch.float64) else 0.05
        known = self._first_loss if step == 1 else None
        if known is not None and abs(loss - known) > tolerance:
            raise TrainingError(
                f"Before the first step the loss is {loss:.4f} instead of {known:.4f}: the policy "
                "is not its reference. Please report this."
            )

    def _mean(self, total: Tensor) -> float:
        values = self._ranks.gather([total.item()])
        return sum(values) / len(values)

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
                return max(num_training_steps - step, 0) / max(num_training_steps - n_warm, 1)

            self.lr_scheduler = LambdaLR(to_steer, share)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader[list[Item]]:
        """Every process gets every step, in order, and takes its share of it: not accelerate's
        sharding by rows, which would repeat some to come out even (transformers#35203)."""
        return DataLoader(self._steps, batch_size=1, shuffle=False, collate_fn=self.data_collator)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save what is trained, alone: Trainer would ask the hub for the base."""
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


class _Figures:
    """Sums over the examples of this process that count: a repeated micro-batch does not."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = defaultdict(float)

    def add(self, metrics: dict[str, Tensor], batch: MicroBatch) -> None:
        counts = (batch.example_weights > 0).double()  # (b,)
        for name, values in metrics.items():
            self.sums[name] += (values.detach() * counts).sum().item()
        self.sums["n_examples"] += counts.sum().item()
        if counts.any():
            self.sums["n_tokens"] += batch.inputs.input_ids.numel()


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
        eval_strategy="steps" if loop.evaluate else "no",
        eval_steps=loop.save_steps,
        load_best_model_at_end=loop.evaluate,
        metric_for_best_model="eval_loss" if loop.evaluate else None,
        greater_is_better=False if loop.evaluate else None,
        restore_callback_states_from_checkpoint=True,
        seed=loop.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=device.type == "cpu",
        ddp_find_unused_parameters=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # without a launcher Trainer would take DataParallel
    return arguments
