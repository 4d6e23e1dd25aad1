"""The presets of the weights of thought-mask fine-tuning's three terms."""

from enum import StrEnum


class Preset(StrEnum):
    """Presets of the three terms' weights."""

    OFFICIAL = "official"
    """Likelihood alone: what the authors' released trainer optimises."""
    PAPER = "paper"
    """Likelihood, consistency with the attempt, and confidence: 0.8, 0.1, 0.1."""
