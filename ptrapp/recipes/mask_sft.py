"""The settings of thought-mask fine-tuning, and the checks across them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.core.errors import ConfigurationError
from ptrapp.recipes.reading import STRICT, MaxExamples
from ptrapp.recipes.training import Normalise, TrainingConfig

PAPER = (0.8, 0.1, 0.1)
"""(λ1, λ2, λ3) as PTR (arXiv 2410.13413) publishes them."""
OFFICIAL = (1.0, 0.0, 0.0)
"""What PTR's released trainer optimises: likelihood alone."""


class Preset(StrEnum):
    """Presets of the three terms' weights."""

    OFFICIAL = "official"
    """Likelihood alone: what the authors' released trainer optimises."""
    PAPER = "paper"
    """Likelihood, consistency with the attempt, and confidence: 0.8, 0.1, 0.1."""


@dataclass(frozen=True, slots=True, config=STRICT)
class MaskSftConfig(TrainingConfig):
    """The settings of a thought-mask fine-tuning job."""

    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    """Examples in one optimiser step, however few fit in memory at once."""
    replay_share: Annotated[float, Field(ge=0, le=0.9)] = 1 / 3
    """Share of first rounds among all examples; a third preserved round 1 of unseen tasks."""
    attempts: bool = True
    """Whether the attempts are in the context. Without them it is plain fine-tuning on the same
    final answers: a control."""
    preset: Preset = Preset.OFFICIAL
    """The weights of the three terms, unless lambdas says otherwise."""
    lambdas: tuple[float, float, float] | None = None
    """Weights of likelihood, consistency and confidence; they add up to 1."""
    normalise: Normalise = Normalise.SEQUENCE
    """What has equal weight in a step: every answer (sequence) or every token."""
    thought_weight: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Weight of a token of the thought, against 1 for one of the response."""
    history_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Weight of a token of an earlier round: 0 is the thought mask, 1 is plain fine-tuning."""
    max_examples: MaxExamples = None
    """Most examples learnt, replayed ones included, drawn by the seed; null takes all."""

    @property
    def terms(self) -> tuple[float, float, float]:
        return self.lambdas or (PAPER if self.preset is Preset.PAPER else OFFICIAL)


def check(config: MaskSftConfig) -> None:
    """Raises `ConfigurationError` for weights of the terms that are not a mean."""
    if min(config.terms) < 0 or abs(sum(config.terms) - 1) > 1e-6:
        raise ConfigurationError(
            f"lambdas are {config.terms}: they must not be negative and must add up to 1. The "
            f"presets are {PAPER} (paper) and {OFFICIAL} (official)."
        )
