"""The README says what the code does: every flag, and the header a Space reads."""

from importlib.metadata import version
from pathlib import Path

import pytest

from ptrapp.core.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_flag_is_in_the_readme(name: str) -> None:
    assert f"`--{name.replace('_', '-')}`" in README


def test_the_header_for_spaces_names_the_gradio_that_is_installed_here() -> None:
    header = README.split("---")[1]
    assert 'python_version: "3.12"' in header
    assert f'sdk_version: "{version("gradio").rsplit(".", 1)[0]}.' in header
    assert "app_file: app.py" in header


def test_the_screenshot_is_there() -> None:
    assert (Path(__file__).parents[1] / "ptrapp/assets/screenshot.png").is_file()
