"""The tables of flags and settings are the code's: the same names, the same defaults."""

import json
import re
from dataclasses import MISSING, Field, fields
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from documents import section, table, text_of
from pydantic import SecretStr

from ptrapp.core.settings import Settings
from ptrapp.models.finding import SERVED
from ptrapp.recipes.evaluation import EvaluateConfig
from ptrapp.recipes.judging import JudgeConfig
from ptrapp.recipes.mask_sft import MaskSftConfig
from ptrapp.recipes.preferences import DpoConfig, PreferenceConfig
from ptrapp.recipes.ptr_data import PtrDataConfig
from ptrapp.recipes.reward_model import RewardConfig
from ptrapp.recipes.tpo import TpoConfig
from ptrapp.recipes.training import TrainingConfig
from ptrapp.services.data_folder import LOCK
from ptrapp.services.files.pieces import STAGING
from ptrapp.services.keeping.record import FOLDER as KEPT
from ptrapp.services.served_versions import SERVED_VERSIONS

TABLES = [
    (TrainingConfig, None, "docs/training.md", "## Settings of every training"),
    (DpoConfig, TrainingConfig, "docs/training.md", "## DPO"),
    (RewardConfig, None, "docs/training.md", "## Reward model"),
    (JudgeConfig, None, "docs/training.md", "## A judge in a campaign"),
    (PtrDataConfig, None, "docs/methods.md", "## Refinement data"),
    (MaskSftConfig, TrainingConfig, "docs/methods.md", "## Thought-mask SFT"),
    (TpoConfig, PreferenceConfig, "docs/methods.md", "## A TPO iteration"),
    (EvaluateConfig, None, "docs/methods.md", "## Evaluation"),
]
"""Settings of a recipe, the settings they add to, and where the table of what they add stands."""


def test_the_table_of_flags_is_the_settings() -> None:
    rows = table(section(text_of("docs/deployment.md"), "## Settings"), "flag", "default")
    said = {flag.strip("`"): default for flag, default, _ in rows}

    assert len(rows) == len(said)
    assert said == {_flag(name): _shown(name) for name in Settings.model_fields}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _shown(name: str) -> str:
    """A default as the table has it."""
    match Settings.model_fields[name].default:
        case bool(value):
            return "on" if value else "off"
        case ():
            return "none"
        case SecretStr() | "":
            return "empty"
        case Enum(value=value) | value:
            return f"`{value}`"


def test_every_choice_of_a_flag_is_named() -> None:
    rows = table(section(text_of("docs/deployment.md"), "## Settings"), "flag", "default")
    meaning = {flag.strip("`"): text for flag, default, text in rows}
    for name, field in Settings.model_json_schema()["properties"].items():
        for choice in field.get("enum", ()):
            assert f"`{choice}`" in meaning[_flag(name)], (name, choice)


@pytest.mark.parametrize(
    ("config", "base", "document", "heading"), TABLES, ids=[each[0].__name__ for each in TABLES]
)
def test_the_table_of_a_recipe_is_its_settings(
    config: Any, base: Any, document: str, heading: str
) -> None:
    rows = table(section(text_of(document), heading), "setting", "default")
    said = {name.strip("`"): default for name, default, _ in rows}
    known = {field.name: field for field in fields(config)}
    own = known.keys() - ({field.name for field in fields(base)} if base else set())

    assert len(rows) == len(said)
    assert said.keys() == own
    wrong = {name: text for name, text in said.items() if not _is_default(text, known[name])}
    assert not wrong


def test_a_default_that_differs_from_every_training_is_said() -> None:
    usual = {field.name: field.default for field in fields(TrainingConfig)}
    differs = {
        field.name: field.default
        for field in fields(MaskSftConfig)
        if field.name in usual and field.default != usual[field.name]
    }
    text = " ".join(section(text_of("docs/methods.md"), "## Thought-mask SFT").split())

    assert differs
    assert all(f"`{name}` is `{value}` here" in text for name, value in differs.items())
    for config in (PreferenceConfig, TpoConfig):
        own = {field.name: field.default for field in fields(config) if field.name in usual}
        assert own == usual


def _is_default(text: str, field: "Field[Any]") -> bool:
    """Whether a cell says the default of a field: in backquotes, as `--set` would take it."""
    default = field.default.value if isinstance(field.default, Enum) else field.default
    if default is MISSING or type(default).__name__ == "PydanticUndefinedType":
        return text == "required"
    said = text.removeprefix("`").removesuffix("`")
    if isinstance(default, float):
        return abs(float(Fraction(said)) - default) < 1e-9
    if isinstance(default, str) and default:
        return said == default
    shown = json.loads(json.dumps(default))
    return re.fullmatch(r"`.*`", text) is not None and bool(json.loads(said) == shown)


def test_the_data_folder_is_described() -> None:
    rows = table(section(text_of("docs/deployment.md"), "## The data folder"), "path")
    described = {path.strip("`") for path, _ in rows}
    settings = Settings(data_dir=Path("data"))
    made = {settings.adapters_dir, settings.judges_dir, settings.jobs_dir, settings.exports_dir}
    made |= {settings.models_dir, settings.backups_dir, settings.data_dir / STAGING}
    made |= {settings.data_dir / KEPT}
    files = {"data/thrice.db", "data/session.key", f"data/{SERVED}", f"data/{LOCK}"}
    files |= {f"data/{SERVED_VERSIONS}"}

    assert {f"{folder}/" for folder in made} | files == described
