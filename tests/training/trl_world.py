"""TRL's own trainers on sequences we choose: the loss of one batch and the gradient of every weight.

TRL scores tokens with a head that computes in float32, whatever the model is in
(`trl.kernels.chunked_logprob`). `exact_head` puts one in its place that keeps the model's type, so
that formulas can be compared to the last digits of float64; everything else is TRL's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
import torch
from datasets import Dataset
from torch import Tensor, nn
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer
from trl.trainer import utils as trl_utils

Ids: TypeAlias = Sequence[int]
LossAndGrads: TypeAlias = tuple[float, dict[str, Tensor]]
BARE = {
    "bf16": False,
    "disable_tqdm": True,
    "gradient_checkpointing": False,
    "max_length": None,
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
}
"""Settings of every trainer: nothing between the formula and us."""


class _Tokenised(DPOTrainer):
    """A DPOTrainer that takes token ids: its own preparation wants text."""

    def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
        return dataset


def trl_dpo_loss_and_grads(
    model: Any,
    pairs: Sequence[tuple[Ids, Ids, Ids]],
    *,
    tokenizer: Any,
    loss_type: str | list[str] = "sigmoid",
    loss_weights: list[float] | None = None,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    exact: bool = True,
) -> LossAndGrads:
    """The loss of TRL's DPOTrainer on all `pairs` at once, and its gradients by parameter name.

    A pair is the ids of prompt, chosen and rejected; nothing is added to them. `model` is a
    PeftModel and stays as it is; the reference is its base, without the adapter.
    """
    columns = ("prompt_ids", "chosen_ids", "rejected_ids")
    rows = [dict(zip(columns, map(list, pair), strict=True)) for pair in pairs]
    with TemporaryDirectory() as folder:
        settings = DPOConfig(
            folder,
            loss_type=loss_type,
            loss_weights=loss_weights,
            beta=beta,
            label_smoothing=label_smoothing,
            per_device_train_batch_size=len(pairs),
            **BARE,
        )
        trainer = _Tokenised(
            deepcopy(model),
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=deepcopy(tokenizer),
        )
    # The trainer makes the policy's present self the reference; without it the base is.
    trainer.model.delete_adapter("ref")
    return _loss_and_grads(trainer, exact)


def trl_sft_loss_and_grads(
    model: Any,
    examples: Sequence[tuple[Ids, Ids]],
    *,
    tokenizer: Any,
    exact: bool = True,
) -> LossAndGrads:
    """The loss of TRL's SFTTrainer on all examples at once, prompt ids and completion ids each."""
    rows = [
        {
            "input_ids": [*prompt, *completion],
            "labels": [-100] * len(prompt) + list(completion),
        }
        for prompt, completion in examples
    ]
    with TemporaryDirectory() as folder:
        settings = SFTConfig(folder, per_device_train_batch_size=len(examples), **BARE)
        trainer = SFTTrainer(
            deepcopy(model),
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=deepcopy(tokenizer),
        )
    return _loss_and_grads(trainer, exact)


def trl_reward_loss_and_grads(
    model: Any,
    pairs: Sequence[tuple[Ids, Ids, float]],
    *,
    tokenizer: Any,
    centre: float | None = None,
) -> LossAndGrads:
    """The loss of TRL's RewardTrainer on all pairs at once: chosen ids, rejected ids, margin."""
    rows = [
        {"chosen_ids": list(chosen), "rejected_ids": list(rejected), "margin": margin}
        for chosen, rejected, margin in pairs
    ]
    with TemporaryDirectory() as folder:
        settings = RewardConfig(
            folder,
            center_rewards_coefficient=centre,
            per_device_train_batch_size=len(pairs),
            **BARE,
        )
        trainer = RewardTrainer(
            deepcopy(model),
            args=settings,
            train_dataset=Dataset.from_list(rows),
            processing_class=deepcopy(tokenizer),
        )
    return _loss_and_grads(trainer, exact=False)


@contextmanager
def exact_head() -> Iterator[None]:
    """Let TRL score tokens in the type of the model instead of float32."""

    def score(hidden: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, *_: Any) -> Any:
        logits = nn.functional.linear(hidden, weight, bias)  # (N, V)
        logps = logits.log_softmax(1)  # (N, V)
        ignored = torch.zeros_like(labels, dtype=logps.dtype)  # (N,): metrics only
        return logps.gather(1, labels[:, None])[:, 0], ignored, ignored, ignored, ignored.bool()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trl_utils, "_ChunkedLogProbFunction", SimpleNamespace(apply=score))
        yield


def _loss_and_grads(trainer: Any, exact: bool) -> LossAndGrads:
    (batch,) = trainer.get_train_dataloader()
    trainer.model.zero_grad()
    if exact:
        with exact_head():
            loss = trainer.compute_loss(trainer.model, batch)
    else:
        loss = trainer.compute_loss(trainer.model, batch)
    loss.backward()
    named = trainer.model.named_parameters()
    return loss.item(), {name: p.grad for name, p in named if p.grad is not None}
