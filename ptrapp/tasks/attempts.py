"""The PTR authors' file format: a question with a weak attempt and a strong answer a row."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ptrapp.core.errors import InputError

_FIELDS = ("question", "output1", "output2")
_MOST_NAMED = 10
"""Bad rows named one by one in a message; more are counted."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A question, what a weak model answered, and what a strong one did."""

    question: str
    weak: str
    strong: str


class Attempts(NamedTuple):
    """The good rows of a file, and what is wrong with the others, a sentence each."""

    rows: list[Attempt]
    mistakes: list[str]


def read_attempts(path: Path) -> Attempts:
    """Read a JSON list of `{question, output1, output2}`; other fields are let be.

    Raises `InputError` when the file is no such list at all.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 text: {error}") from error
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(given, list):
        raise InputError(
            f"{path} holds a {type(given).__name__}; it must be a JSON list of objects with "
            "question, output1 and output2."
        )
    rows, mistakes = [], []
    for number, row in enumerate(given, start=1):
        if wrong := _wrong(row):
            mistakes.append(f"row {number}: {wrong}")
        else:
            rows.append(Attempt(*(row[name].strip() for name in _FIELDS)))
    return Attempts(rows, mistakes)


def in_words(path: Path, mistakes: list[str]) -> str:
    """Say which rows of a file are bad, and what to do."""
    named = "; ".join(mistakes[:_MOST_NAMED])
    more = len(mistakes) - _MOST_NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return (
        f"{path}: {named}{rest}. Nothing was imported; correct the file, or ask for bad rows to be "
        "skipped."
    )


def _wrong(row: Any) -> str | None:
    if not isinstance(row, dict):
        return f"a {type(row).__name__} instead of an object"
    for name in _FIELDS:
        if name not in row:
            return f"no {name!r} (it has {sorted(row)})"
        if not isinstance(row[name], str):
            return f"{name!r} is a {type(row[name]).__name__} instead of a text"
        if not row[name].strip():
            return f"{name!r} is blank"
        if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in row[name]):
            return f"{name!r} holds a NUL or half a character, which cannot be stored"
    return None
