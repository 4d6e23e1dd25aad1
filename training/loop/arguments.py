"""The inputs of a training loop: steps in order, rates and intervals, token budget."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import ExportableState

from training.data.batches import Item
from training.data.tokens import per_token


@dataclass(frozen=True, slots=True)
class LoopArguments:
    """The settings of the loop, independent of the loss."""

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
        """With `per_token` every token of a step has the same weight, else every example."""
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
    """Tokens forwarded at once, stored with each checkpoint.

    A resumed run then cuts its steps as the interrupted one did, and so rounds alike.
    """

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def state(self) -> dict[str, Any]:
        return {"args": {"tokens": self.tokens}, "attributes": {}}


def trainer_arguments(loop: LoopArguments, folder: Path, device: torch.device) -> TrainingArguments:
    """Returns the arguments of `transformers.Trainer` for this loop."""
    trainer_arguments = TrainingArguments(
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
    if trainer_arguments.n_gpu > 1:
        trainer_arguments._n_gpu = 1  # without a launcher Trainer would take DataParallel
    return trainer_arguments
