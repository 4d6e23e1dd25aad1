"""The README says what the code does: every flag, and the header a Space reads."""

import re
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ptrapp.cli.commands import app
from ptrapp.core.settings import Settings
from training.judging.config import JudgeConfig
from training.loop.preference_training import PreferenceConfig
from training.ptr.config import PtrDataConfig
from training.recipes.evaluate import EvaluateConfig
from training.recipes.mask_sft import MaskSftConfig
from training.rewarding.config import RewardConfig
from training.tpo.config import TpoConfig

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_flag_is_in_the_readme(name: str) -> None:
    assert f"`--{name.replace('_', '-')}`" in README


def test_the_header_for_spaces_names_the_gradio_that_is_installed_here() -> None:
    header = README.split("---")[1]
    assert 'python_version: "3.12"' in header
    assert f'sdk_version: "{version("gradio").rsplit(".", 1)[0]}.' in header
    assert "app_file: app.py" in header


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)

    assert len(pictures) > 1
    assert all((Path(__file__).parents[1] / picture).is_file() for picture in pictures)


@pytest.mark.parametrize(
    "config",
    [
        PreferenceConfig,
        MaskSftConfig,
        RewardConfig,
        TpoConfig,
        PtrDataConfig,
        EvaluateConfig,
        JudgeConfig,
    ],
)
def test_every_setting_of_a_job_is_in_the_readme(config: Any) -> None:
    missing = [field.name for field in fields(config) if f"`{field.name}`" not in README]

    assert not missing


def test_every_command_of_the_readme_is_one() -> None:
    said = re.findall(r"python -m ptrapp ([a-z][a-z-]*)", README)
    known = {command.name or command.callback.__name__ for command in app.registered_commands}

    assert len(set(said)) > 5
    assert set(said) <= {name.replace("_", "-") for name in known}
