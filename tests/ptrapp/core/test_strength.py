"""How much better a response is has one scale: the same words wherever it is said."""

import re
from pathlib import Path

import pytest

from ptrapp.api.operations.labelling import LabelDecision
from ptrapp.api.routes import ComparisonDecision
from ptrapp.core import modules
from ptrapp.core.errors import InputError
from ptrapp.core.strength import IN_WORDS, STRENGTHS, check_strength
from ptrapp.core.types import Choice

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("strength", [0, 4, -1])
def test_what_is_not_on_the_scale_is_refused(strength: int) -> None:
    with pytest.raises(InputError, match=f"Strength is {strength}; choose 1 to 3"):
        check_strength(strength, Choice.LEFT)


def test_what_is_on_the_scale_is_accepted() -> None:
    for strength in STRENGTHS:
        check_strength(strength, Choice.RIGHT)
    check_strength(1, Choice.TIE)


def test_a_tie_has_no_strength() -> None:
    with pytest.raises(InputError, match="Strength 2 is of a side that is better"):
        check_strength(2, Choice.TIE)


def test_routes_documents_and_pages_use_the_words_of_the_scale() -> None:
    for body in (LabelDecision, ComparisonDecision):
        assert body.model_json_schema()["properties"]["strength"]["description"] == IN_WORDS
    text = " ".join((ROOT / "docs" / "data-formats.md").read_text(encoding="utf-8").split())
    assert f"`strength` is {IN_WORDS}." in text
    scale = (modules.FOLDER / "answers.js").read_text(encoding="utf-8")
    buttons = re.findall(r'\["(?:left|right)", (\d), "[AB] .", "([a-z ]+)"\]', scale)
    assert len(buttons) == 4
    assert all(STRENGTHS[int(strength)] == said for strength, said in buttons)
