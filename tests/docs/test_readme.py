"""The README is short, moves, and has the header that a Space reads."""

import re
from importlib.metadata import version

import pytest
from documents import ROOT, text_of
from PIL import Image

from ptrapp.core.version import VERSION

README = text_of("README.md")


def test_it_is_read_in_two_minutes() -> None:
    assert len(README.splitlines()) <= 150


def test_the_header_for_spaces_names_the_gradio_that_is_installed_here() -> None:
    header = README.split("---")[1]
    assert README.startswith("---\n")
    assert 'python_version: "3.12"' in header
    assert f'sdk_version: "{version("gradio").rsplit(".", 1)[0]}.' in header
    assert "app_file: app.py" in header
    assert (ROOT / "app.py").is_file()


def test_its_picture_moves_and_loads_quickly() -> None:
    (light, *others) = re.findall(r"docs/pictures/[\w-]+\.webp", README)
    for name in (light, *others):
        picture = Image.open(ROOT / name)
        assert picture.n_frames > 10
        assert picture.width == 1280
        assert (ROOT / name).stat().st_size < 1_500_000


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_lines_are_short_enough_to_be_reviewed(name: str) -> None:
    lines = [
        line for line in text_of(name).splitlines() if not line.lstrip().startswith(("|", "!", "<"))
    ]
    assert max(map(len, lines)) <= 120


def test_the_changelog_has_the_version_of_the_project() -> None:
    newest = re.search(r"^## \[([^\]]+)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == VERSION
