"""The PTR authors' rows: a question, a weak attempt and a strong answer."""

from collections.abc import Mapping
from typing import Any

from ptrapp.interchange.records import Attempted, PromptText
from ptrapp.interchange.values import text_of

COLUMNS = ("question", "output1", "output2")


def parse(row: Mapping[str, Any]) -> tuple[Attempted, ...]:
    """One question with its two answers; other fields are let be. Raises `BadRow`."""
    question, weak, strong = (text_of(row, name).strip() for name in COLUMNS)
    return (Attempted(PromptText(question), weak, strong),)
