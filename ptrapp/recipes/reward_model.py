"""The settings of a reward-model job."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.recipes.preferences import Strength
from ptrapp.recipes.reading import STRICT, MaxExamples
from ptrapp.recipes.training import Tune


class RewardForm(StrEnum):
    """The model by which a difference of scores explains votes; see `likelihood`."""

    BRADLEY_TERRY = "bradley_terry"
    RAO_KUPPER = "rao_kupper"
    DAVIDSON = "davidson"


@dataclass(frozen=True, slots=True, config=STRICT)
class RewardConfig:
    """The settings of a reward-model job."""

    base: str = ""
    """Path or hub id of the model to start from, or the name of a reward model trained here, which
    is trained further; empty is the model of the settings."""
    form: RewardForm = RewardForm.BRADLEY_TERRY
    """The likelihood of votes; rao_kupper and davidson learn from ties too."""
    tie_strength: Annotated[float, Field(gt=1, le=100)] = 3.0
    """ν of rao_kupper and davidson: how readily equal responses tie."""
    centre: Annotated[float, Field(ge=0, le=1)] = 0.01
    """How strongly scores are drawn to a mean of 0, which votes leave free."""
    strength: Strength = Strength.OFF
    """The effect of "much better": none, a margin to win by, or a weight."""
    soft_labels: bool = False
    """Use the shares of raters who disagree on a pair, instead of the majority alone."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Peak rate; null lets the recipe choose by the size of the model."""
    epochs: Annotated[int, Field(ge=1, le=100)] = 4
    """Passes over the pairs."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    """Pairs in one optimiser step, however few fit in memory at once."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps in which the rate rises; it falls to 0 in the others."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """Gradients of a larger norm are scaled down to this one."""
    tune: Tune | None = None
    """What is trained; null takes all weights of a small model, and a LoRA, merged in the end, of
    another."""
    lora_r: Annotated[int, Field(ge=1, le=512)] = 16
    """Rank of the LoRA."""
    lora_alpha: Annotated[int, Field(ge=1, le=1024)] = 32
    """Scale of the LoRA (times 1/r)."""
    token_budget: Annotated[int, Field(ge=64)] = 4096
    """Tokens forwarded at once, which bounds the memory."""
    eval_share: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """Share of the prompts held out to see how often the judge agrees with the raters; none are
    when that is less than 20 pairs."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the order of the pairs, of the fresh head and of the LoRA."""
    max_examples: MaxExamples = None
    """Most pairs learnt, those of the newest votes; null takes all."""
