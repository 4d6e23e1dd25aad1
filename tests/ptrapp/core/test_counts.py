"""A number and what it counts are said in one place, so that nothing reads "1 records"."""

import re

import pytest

from ptrapp.core.counts import counted
from ptrapp.core.settings import ASSETS

BY_HAND = re.compile(r"""["']1 [a-z]+["'] if |["']{2} if [^\n]* == 1 else f?["']e?s["']""")


@pytest.mark.parametrize(
    ("n", "words", "said"),
    [
        (0, ("label",), "0 labels"),
        (1, ("label",), "1 label"),
        (1_000, ("label",), "1,000 labels"),
        (1, ("person", "people"), "1 person"),
        (2, ("person", "people"), "2 people"),
    ],
)
def test_a_count_has_its_number(n: int, words: tuple[str, ...], said: str) -> None:
    assert counted(n, *words) == said


def test_no_other_place_tells_one_from_many() -> None:
    package = ASSETS.parent
    found = {
        str(path.relative_to(package)): BY_HAND.findall(path.read_text(encoding="utf-8"))
        for path in package.rglob("*.py")
    }
    assert not {path: said for path, said in found.items() if said}
