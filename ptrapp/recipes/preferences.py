"""The settings of jobs that learn from preference pairs, and the checks across them.

DPO and TPO differ in where their pairs come from.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.core.errors import ConfigurationError
from ptrapp.recipes.reading import STRICT, MaxExamples
from ptrapp.recipes.training import Normalise, TrainingConfig


class PreferenceForm(StrEnum):
    """The loss of D = β·[(log π − log ref)(chosen) − (log π − log ref)(rejected)]."""

    SIGMOID = "sigmoid"
    """−log σ(D): DPO, arXiv 2305.18290, equation 7; cDPO where labels are smoothed."""
    ROBUST = "robust"
    """The same, unbiased under label noise of a known rate: arXiv 2403.00409."""
    IPO = "ipo"
    """(d − 1/(2τ))²: a finite gap to reach, arXiv 2310.12036."""
    RAO_KUPPER = "rao_kupper"
    """A tie is a lead below a threshold: arXiv 2409.17431."""
    DAVIDSON = "davidson"
    """The odds of a tie follow the geometric mean of both strengths: arXiv 2409.17431."""


class Strength(StrEnum):
    """What is made of how much better a rater found the chosen one."""

    OFF = "off"
    MARGIN = "margin"
    """The chosen must win by half a unit for each step above the first (Llama 2, 2307.09288)."""
    WEIGHT = "weight"
    """The pair counts as that many pairs."""


FORMS_WITH_TIES = (PreferenceForm.RAO_KUPPER, PreferenceForm.DAVIDSON)


@dataclass(frozen=True, slots=True, config=STRICT)
class PreferenceConfig(TrainingConfig):
    """The settings of a job that learns from preference pairs."""

    form: PreferenceForm = PreferenceForm.SIGMOID
    """The loss; rao_kupper and davidson learn from ties as well."""
    beta: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Weight of staying near the reference (τ of ipo); the paper's usual value."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of votes taken to be mistaken: cDPO with sigmoid, the label-noise rate of robust."""
    length_normalised: bool = False
    """Compare log-probabilities per token instead of per completion; needs a beta around 5."""
    nll_weight: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Weight of the chosen completion's likelihood beside the preference (IRPO)."""
    nll_normalise: Normalise = Normalise.TOKEN
    """What has equal weight in that likelihood: every token, or every completion (IRPO: sequence),
    with which answers become shorter."""
    tie_strength: Annotated[float, Field(gt=1, le=100)] = 3.0
    """ν of rao_kupper and davidson: how readily equal answers tie; 3 makes half of them ties in
    rao_kupper."""
    soft_labels: bool = False
    """Use the shares of raters who disagree on a pair, instead of the majority alone."""
    strength: Strength = Strength.OFF
    """The effect of "much better": none, a margin to win by, or a weight."""


@dataclass(frozen=True, slots=True, config=STRICT)
class DpoConfig(PreferenceConfig):
    """The settings of a job that learns from votes."""

    max_examples: MaxExamples = None
    """Most pairs learnt, those of the newest votes; null takes all. Who learns later votes from
    this version does not come back to what is left out."""


def check(config: PreferenceConfig) -> None:
    """Raises `ConfigurationError` for settings that are valid alone and contradict each other."""
    if config.form is PreferenceForm.IPO and config.label_smoothing:
        raise ConfigurationError(
            f"label_smoothing is {config.label_smoothing}, which ipo has no use for. Set it to 0, "
            "or choose form sigmoid or robust."
        )
