"""The settings that all training recipes share."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.recipes.reading import STRICT


class Tune(StrEnum):
    """Which weights are trained."""

    LORA = "lora"
    """A LoRA on all linear layers: small, and served beside other versions."""
    FULL = "full"
    """Every weight: the result is a separate model."""


class Precision(StrEnum):
    """The number format of the base model."""

    AUTO = "auto"
    """bfloat16 on a GPU; on a CPU the faster of float32 and bfloat16, as measured when a job
    begins, and float32 for a model of less than 20M parameters."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    """Half the memory, and twice the speed on a CPU that computes in it."""
    FOUR_BIT = "4bit"
    """The frozen base in 4 bits (QLoRA, arXiv 2305.14314); needs a GPU and bitsandbytes."""


class Normalise(StrEnum):
    """What has equal weight in a likelihood."""

    SEQUENCE = "sequence"
    """Every answer, so a token of a short one has more, its end among them."""
    TOKEN = "token"
    """Every token, so a long answer has more."""


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainingConfig:
    """The settings that all training recipes share."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Peak rate; null lets the recipe choose by the size of the model."""
    epochs: Annotated[int, Field(ge=1, le=100)] = 3
    """Passes over the examples."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    """Examples in one optimiser step, however few fit in memory at once."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps in which the rate rises; it falls to 0 in the others."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients of a larger norm are scaled down to this one."""
    tune: Tune = Tune.LORA
    """What is trained."""
    lora_r: Annotated[int, Field(ge=1, le=512)] = 16
    """Rank of a fresh LoRA, at most what the server takes; a parent keeps its own."""
    lora_alpha: Annotated[int, Field(ge=1, le=1024)] = 32
    """Scale of a fresh LoRA (times 1/r)."""
    precision: Precision = Precision.AUTO
    """Number format the model computes in; the LoRA itself is trained in float32."""
    token_budget: Annotated[int, Field(ge=64)] | None = None
    """Tokens forwarded at once, which bounds the memory; null chooses by the memory that is free,
    at most 1,024 on a CPU and 16,384 on a GPU. Halved automatically when memory runs out."""
    activation_checkpointing: bool | None = None
    """Compute activations again in the backward pass: a quarter slower, for models that are tight
    in memory; null does so where the longest example does not fit otherwise."""
    eval_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the prompts held out to detect memorisation; none when that is less than 20
    examples. The same prompts are held out in every job."""
    patience: Annotated[int, Field(ge=1)] | None = 3
    """Stop after so many evaluations without a lower held-out loss; null never stops early."""
    save_steps: Annotated[int, Field(ge=1)] = 10
    """Steps between two checkpoints, each evaluated; the last two and the best are kept."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the order of the examples, of a fresh LoRA and of everything else that is drawn."""
