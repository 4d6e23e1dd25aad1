"""Exact versions of everything are in `requirements.lock`, and are what is installed and tested."""

import re

from dependencies import ROOT, installed, requirements
from packaging.utils import canonicalize_name
from packaging.version import Version

FILES = ("requirements.txt", "requirements-dev.txt")
LINES = [
    line
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
LOCK = {name: Version(version) for name, version in (line.split("==") for line in LINES)}


def test_each_line_is_one_name_and_one_version() -> None:
    """Without torch's local build, so that one lock serves machines with and without a GPU."""
    assert len(LOCK) == len(LINES) > 80
    assert not [line for line in LINES if not re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", line)]


def test_every_requirement_is_locked_inside_its_range() -> None:
    named = requirements(*FILES)
    assert len(named) > 30
    assert not [str(one) for one in named if canonicalize_name(one.name) not in LOCK]
    outside = [one for one in named if LOCK[canonicalize_name(one.name)] not in one.specifier]
    assert not outside


def test_what_is_installed_is_what_is_locked() -> None:
    """All below the requirements too; say `make lock`, or install with `-c requirements.lock`."""
    here = {
        name: Version(one.version).public for name, one in installed(requirements(*FILES)).items()
    }
    other = {
        name: f"{version} is installed, {LOCK.get(name, 'nothing')} is locked"
        for name, version in here.items()
        if version != str(LOCK.get(name))
    }
    assert not other


def test_every_installation_of_the_requirements_is_held_to_the_lock() -> None:
    """`make run`, `make test` and CI, which says `make test`."""
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    pattern = r".*pip install.*-r requirements(?:-dev)?\.txt.*"
    lines = re.findall(pattern, makefile)
    assert len(lines) == 2
    assert all("-c requirements.lock" in line for line in lines)
    assert not re.findall(pattern, (ROOT / ".ci" / "run").read_text("utf-8"))
