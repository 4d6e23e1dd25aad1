"""Whether the settings of a job can be used, told before it is queued."""

from collections.abc import Mapping
from typing import Any

from db.models import JobKind
from ptrapp.recipes import mask_sft, preferences, ptr_data, tpo
from ptrapp.recipes.evaluation import EvaluateConfig
from ptrapp.recipes.judging import JudgeConfig
from ptrapp.recipes.mask_sft import MaskSftConfig
from ptrapp.recipes.preferences import DpoConfig
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.reading import read
from ptrapp.recipes.reward_model import RewardConfig
from ptrapp.recipes.tpo import TpoConfig

SETTINGS: Mapping[JobKind, Any] = {
    JobKind.DPO: DpoConfig,
    JobKind.MASK_SFT: MaskSftConfig,
    JobKind.TPO: TpoConfig,
    JobKind.PTR_DATA: PtrDataConfig,
    JobKind.REWARD_MODEL: RewardConfig,
    JobKind.EVALUATE: EvaluateConfig,
    JobKind.JUDGE: JudgeConfig,
}
_TOGETHER: Mapping[JobKind, Any] = {
    JobKind.DPO: preferences.check,
    JobKind.MASK_SFT: mask_sft.check,
    JobKind.TPO: tpo.check,
    JobKind.PTR_DATA: ptr_data.check,
}
"""What raises for settings that are valid alone and contradict each other."""


def check(kind: JobKind, given: Mapping[str, Any]) -> None:
    """Raises `ConfigurationError`, with one line for each mistake, for what a job would refuse."""
    settings = read(SETTINGS[kind], given, "settings")
    if together := _TOGETHER.get(kind):
        together(settings)
