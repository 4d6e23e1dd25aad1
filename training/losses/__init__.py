"""The losses, as pure functions of tensors: no model, no files, no logging."""

from training.losses.imitation import (
    BETA_0,
    Consistency,
    Spans,
    ThoughtMaskLoss,
    confidence_betas,
    pooled_cosine,
    thought_mask_loss,
    weighted_nll,
)
from training.losses.likelihood import bradley_terry, davidson, rao_kupper
from training.losses.preference import Logps, PreferenceLoss, preference_loss
from training.losses.reward import RewardModelLoss, reward_model_loss

__all__ = [
    "BETA_0",
    "Consistency",
    "Logps",
    "PreferenceLoss",
    "RewardModelLoss",
    "Spans",
    "ThoughtMaskLoss",
    "bradley_terry",
    "confidence_betas",
    "davidson",
    "pooled_cosine",
    "preference_loss",
    "rao_kupper",
    "reward_model_loss",
    "thought_mask_loss",
    "weighted_nll",
]
