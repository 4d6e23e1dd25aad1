"""The Train page offers what the recipes know, with the recipes' own defaults."""

from dataclasses import fields
from enum import Enum
from typing import Any, get_args

import pytest

from db.models import JobKind
from ptrapp.recipes.evaluation import EvaluateConfig
from ptrapp.recipes.judging import JudgeConfig
from ptrapp.recipes.mask_sft import MaskSftConfig
from ptrapp.recipes.preferences import DpoConfig
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.reading import read
from ptrapp.recipes.reward_model import RewardConfig
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.services.outlook import MIN_FOR_REWARD_MODEL
from ptrapp.services.training.form import KINDS, METHODS, Input, Method, method_of
from training.recipes.reward_model import MIN_PREFERENCES

CONFIGS: dict[JobKind, Any] = {
    JobKind.DPO: DpoConfig,
    JobKind.MASK_SFT: MaskSftConfig,
    JobKind.TPO: TpoConfig,
    JobKind.PTR_DATA: PtrDataConfig,
    JobKind.REWARD_MODEL: RewardConfig,
    JobKind.EVALUATE: EvaluateConfig,
    JobKind.JUDGE: JudgeConfig,
}


def plain(value: Any) -> Any:
    """A default as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def values_of(kind: Any) -> set[Any]:
    """What a field of an enumeration, of true and false, or of one of them and null may be."""
    parts = [one for one in get_args(kind) or (kind,) if one is not type(None)]
    return {True, False} if parts == [bool] else {one.value for one in parts[0]}


def test_every_kind_of_job_can_be_started_and_has_a_name() -> None:
    assert {one.kind for one in METHODS.values()} == set(JobKind)
    assert KINDS.keys() == {kind.value for kind in JobKind}
    assert len(set(KINDS.values())) == len(KINDS)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda one: one.key)
def test_every_offered_setting_is_known_with_its_default(method: Method) -> None:
    known = {field.name: field for field in fields(CONFIGS[method.kind])}
    assert method.settings
    for setting in method.settings:
        field = known[setting.key]
        if setting.input is not Input.CAMPAIGN:
            assert plain(field.default) == setting.default, setting.key
        if setting.input is Input.CHOICE:
            offered = [value for _, value in setting.choices]
            assert offered[0] == setting.default
            assert set(offered) - {None} == values_of(field.type), setting.key


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda one: one.key)
def test_what_is_changed_is_read_by_the_recipe(method: Method) -> None:
    other = {Input.NUMBER: 7.0, Input.TEXT: " one ", Input.FLAG: True, Input.LIST: "a, b ,",
             Input.VERSIONS: ["base"], Input.CAMPAIGN: 1}  # fmt: skip
    entered = {
        one.key: one.choices[-1][1] if one.input is Input.CHOICE else other[one.input]
        for one in method.settings
    }
    entered |= {
        key: 0.25
        for key in ("learning_rate", "learn_rate", "label_smoothing", "rho", "temperature")
        if key in entered
    }
    entered |= {"rounds": 4.0} if "rounds" in entered else {}
    changed = method.changed(entered)
    assert changed.keys() >= entered.keys() - {"base"}
    config = read(CONFIGS[method.kind], changed, "settings")
    assert {plain(getattr(config, key)) == value for key, value in changed.items()} == {True}


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda one: one.key)
def test_what_is_not_changed_is_not_sent(method: Method) -> None:
    untouched = {one.key: one.default for one in method.settings}
    assert method.changed({}) == dict(method.fixed)
    assert method.changed(untouched) == dict(method.fixed)


def test_a_job_is_started_again_by_the_method_it_was_started_with() -> None:
    from_votes = {"final": "human", "learn": True, "rounds": 2}
    assert method_of("ptr_data", from_votes) is METHODS["preferred"]
    assert method_of("ptr_data", {"final": "human", "rounds": 2}) is METHODS["ptr_data"]
    assert method_of(JobKind.DPO, {}) is METHODS["dpo"]


def test_the_page_knows_how_many_votes_a_reward_model_needs() -> None:
    assert MIN_FOR_REWARD_MODEL == MIN_PREFERENCES
