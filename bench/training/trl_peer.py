"""TRL's own trainers on token ids that we choose, in the order we give them.

All changes to TRL are listed here. `compact_head` lets it score only the positions that have a
loss, which it does by itself only on a GPU. `without_metrics` and `narrow_products` take work away
from it that its GPU kernels do cheaply. `exact_head` keeps the model's type where TRL scores in
float32, so that formulas can be compared to the last digits of float64.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeAlias
from unittest.mock import patch

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor, nn
from torch.utils.data import SequentialSampler
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer
from trl.kernels import chunked_logprob
from trl.trainer import utils as trl_utils

Ids: TypeAlias = Sequence[int]
LossAndGrads: TypeAlias = tuple[float, dict[str, Tensor]]
BARE: dict[str, Any] = {
    "bf16": False,
    "disable_tqdm": True,
    "gradient_checkpointing": False,
    "max_length": None,
    "report_to": "none",
    "save_strategy": "no",
}
"""Settings of every trainer, which switch off everything beside the formula."""
ON_CPU: dict[str, Any] = BARE | {"use_cpu": True}


class DpoInOrder(DPOTrainer):
    """A DPOTrainer that takes token ids (its own preparation wants text), first row first."""

    def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
        return dataset

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset or self.train_dataset)  # type: ignore[arg-type]


class SftInOrder(SFTTrainer):
    """An SFTTrainer that takes the first row first."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        return SequentialSampler(train_dataset or self.train_dataset)  # type: ignore[arg-type]


def pad_tokenizer() -> PreTrainedTokenizerFast:
    """Returns a tokenizer that gives TRL the id it pads with; it never sees text."""
    words = Tokenizer(WordLevel({"<pad>": 0, "<end>": 1}, unk_token="<end>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")


def dpo_rows(pairs: Sequence[tuple[Ids, Ids, Ids]]) -> Dataset:
    """Returns the ids of prompt, chosen and rejected as DPOTrainer takes them; nothing is added."""
    columns = ("prompt_ids", "chosen_ids", "rejected_ids")
    return Dataset.from_list([dict(zip(columns, map(list, pair), strict=True)) for pair in pairs])


def sft_rows(examples: Sequence[tuple[Ids, Ids]]) -> Dataset:
    """Returns ids of prompt and completion as SFTTrainer takes them, the prompt without loss."""
    return Dataset.from_list(
        [
            {
                "input_ids": [*prompt, *completion],
                "labels": [-100] * len(prompt) + list(completion),
            }
            for prompt, completion in examples
        ]
    )


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
    """Returns the loss of TRL's DPOTrainer on all `pairs` at once, and its gradients by name.

    `model` is a PeftModel and stays as it is; the reference is its base, without the adapter.
    """
    with TemporaryDirectory() as folder:
        settings = DPOConfig(
            folder,
            loss_type=loss_type,  # type: ignore[arg-type]
            loss_weights=loss_weights,
            beta=beta,
            label_smoothing=label_smoothing,
            per_device_train_batch_size=len(pairs),
            **ON_CPU,
        )
        trainer: Any = DpoInOrder(
            deepcopy(model),
            args=settings,
            train_dataset=dpo_rows(pairs),
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
    """Returns the loss of TRL's SFTTrainer on all examples (prompt ids, completion ids) at once."""
    with TemporaryDirectory() as folder:
        settings = SFTConfig(folder, per_device_train_batch_size=len(examples), **ON_CPU)
        trainer = SftInOrder(
            deepcopy(model),
            args=settings,
            train_dataset=sft_rows(examples),
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
    """Returns the loss of TRL's RewardTrainer on all pairs (chosen ids, rejected ids, margin)."""
    rows = [
        {"chosen_ids": list(chosen), "rejected_ids": list(rejected), "margin": margin}
        for chosen, rejected, margin in pairs
    ]
    with TemporaryDirectory() as folder:
        settings = RewardConfig(
            folder,
            center_rewards_coefficient=centre,
            per_device_train_batch_size=len(pairs),
            **ON_CPU,
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
    """Lets TRL score tokens in the type of the model instead of float32."""

    def score(hidden: Tensor, weight: Tensor, bias: Tensor | None, labels: Tensor, *_: Any) -> Any:
        logits = nn.functional.linear(hidden, weight, bias)  # (N, V)
        logps = logits.log_softmax(1)  # (N, V)
        ignored = torch.zeros_like(labels, dtype=logps.dtype)  # (N,): metrics only
        return logps.gather(1, labels[:, None])[:, 0], ignored, ignored, ignored, ignored.bool()

    with patch.object(trl_utils, "_ChunkedLogProbFunction", SimpleNamespace(apply=score)):
        yield


@contextmanager
def compact_head() -> Iterator[None]:
    """Lets TRL score the positions that have a loss and no others, as it does on a GPU."""
    with patch.object(trl_utils, "_use_triton", lambda _: True):
        yield


@contextmanager
def without_metrics() -> Iterator[None]:
    """Skips TRL's entropy, mean logit and accuracy of every token, which only its logs use."""
    whole = trl_utils._ChunkedLogProbFunction

    def score(*asked: Any) -> Any:
        logps, *_ = whole.apply(*asked[:-1], ("log_probs",))
        ignored = torch.zeros_like(logps, requires_grad=False)  # (N,)
        return logps, ignored, ignored, ignored, ignored.bool()

    with patch.object(trl_utils, "_ChunkedLogProbFunction", SimpleNamespace(apply=score)):
        yield


@contextmanager
def narrow_products() -> Iterator[None]:
    """Lets the backward pass of TRL's head multiply in the model's type and add in float32.

    On a CPU it widens both matrices first; its products on a GPU take them as they are.
    """

    def add(total: Tensor, left: Tensor, right: Tensor) -> None:
        total.add_(left @ right)

    with patch.object(chunked_logprob, "_addmm_fp32", add):
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
