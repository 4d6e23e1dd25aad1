"""No run-time dependency is under a copyleft licence: whoever ships Thrice may keep its licence.

Read from the metadata of what is installed. Compiled libraries inside wheels are not in it: those
of numpy and scipy bring libgfortran (GPL with GCC's exception for programs that use it) and
libquadmath (LGPL), as shared libraries of their own.
"""

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import Distribution

import pytest
from dependencies import installed, requirements

PERMISSIVE = re.compile(
    r"(the )?(0?bsd|mit|apache|isc|zlib|cc0|psf|python software|cnri-python|bsl-1|hpnd|unlicense)",
    re.IGNORECASE,
)
"""How licences begin that ask for no more than their notice."""

REVIEWED = {
    "certifi": "MPL-2.0 covers its own files, a list of certificates, and no program around them",
    "orjson": "MPL-2.0 covers its own files; we ship none of them, changed or not",
    "tqdm": "MPL-2.0 covers its own files; we ship none of them, changed or not",
    "autocommand": "LGPL-3.0, inside setuptools, which torch wants to build extensions: never run",
}
"""Licences that are neither permissive nor ours to pass on, and why they bind nobody here."""

OF_A_GPU = re.compile(r"(nvidia|cuda)-|cuda_|triton$")
"""What torch brings on a GPU: NVIDIA's own terms, which its user accepts, and triton (MIT)."""


def licences() -> Iterator[tuple[str, str]]:
    """Name and licence of everything at run time, what packages carry inside them included."""
    for name, one in installed(requirements("requirements.txt")).items():
        if OF_A_GPU.match(name):
            continue
        yield name, licence_of(HeaderParser().parsestr(str(one.read_text("METADATA"))))
        yield from _carried_by(one)


def _carried_by(one: Distribution) -> Iterator[tuple[str, str]]:
    for file in one.files or ():
        if "_vendor" in file.parts and file.name == "METADATA":
            carried = HeaderParser().parsestr(file.read_text(encoding="utf-8"))
            yield str(carried["Name"]), licence_of(carried)


def licence_of(metadata: Message) -> str:
    """As an expression where there is one, else as its classifiers or its text say it."""
    if expression := metadata["License-Expression"]:
        return str(expression)
    said = [line for line in metadata.get_all("Classifier", []) if line.startswith("License :: ")]
    named = [line.rpartition(" :: ")[2] for line in said]
    text = str(metadata["License"] or "").strip().partition("\n")[0]
    if named:  # `License` may hold the whole text, and is read for what it says beyond the names
        return " AND ".join([*named, text] if len(text) < 40 and text else named)
    return text


def is_permissive(expression: str) -> bool:
    """Whether one may choose terms that ask for no more than their notice."""
    every = [part.strip("() ") for part in re.split(r" AND ", expression)]
    return all(any(PERMISSIVE.match(one.strip("() ")) for one in p.split(" OR ")) for p in every)


LICENCES = sorted(set(licences()))


@pytest.mark.parametrize(("name", "licence"), LICENCES, ids=[name for name, _ in LICENCES])
def test_what_is_needed_at_run_time_is_under_a_permissive_licence(name: str, licence: str) -> None:
    assert is_permissive(licence) or name in REVIEWED, f"{name} is under {licence or 'no licence'}"


def test_what_was_reviewed_is_still_there_and_still_needs_it() -> None:
    needing = {name for name, licence in LICENCES if not is_permissive(licence)}
    assert needing <= set(REVIEWED)
    assert set(REVIEWED) - needing <= {"autocommand"}, "some builds of setuptools are without it"


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("BSD License", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("MIT OR GPL-2.0-only", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", False),
        ("GPL-3.0-or-later", False),
        ("GNU Affero General Public License v3", False),
        ("GNU Lesser General Public License v3 (LGPLv3) AND MIT", False),
        ("", False),
    ],
)
def test_licences_are_told_apart(expression: str, permissive: bool) -> None:
    assert is_permissive(expression) is permissive


def test_the_gpl_library_of_the_tests_would_be_found() -> None:
    (oracle,) = (one for one in requirements("requirements-dev.txt") if one.name == "krippendorff")
    metadata = HeaderParser().parsestr(
        str(installed([oracle])["krippendorff"].read_text("METADATA"))
    )
    assert "GPL" in licence_of(metadata)
    assert not is_permissive(licence_of(metadata))
