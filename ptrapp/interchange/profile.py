"""Describes a whole file by its columns: how many rows fill each one, and with what.

A format is decided by this, never by the first row. Columns are matched without the blanks and the
byte order mark around their names, and the usual names in any case.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isnan
from typing import Any

from ptrapp.interchange.cells import NAN, turns_in

MAX_VALUES = 60
"""Distinct short values that are kept of a column; one with more is no answer."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d{1,2}")
"""Three digits behind a comma may be thousands."""
_INPUT = re.compile(r"(?:Input\.|INPUT:)(?=\S)")
"""What MTurk and Toloka put before the columns of the task."""
_WHOLE = 1e15
"""Whole floats from here on are no longer exact: they stay as they are written."""
MAX_CHARS = 80
"""Characters of a short value."""
_USUAL = frozenset(
    [
        "prompt",
        "question",
        "instruction",
        "input",
        "query",
        "system",
        "system_prompt",
        "history",
        "messages",
        "conversations",
        "conversation",
        "context",
        "completion",
        "chosen",
        "rejected",
        "label",
        "winner",
        "preference",
        "annotator",
        "completions",
        "responses",
        "answers",
    ]
)


@dataclass(slots=True)
class Column:
    """What the rows hold under one name."""

    n_filled: int = 0
    n_long: int = 0
    """Values that are no short answer: texts, lists, objects."""
    n_texts: int = 0
    n_turns: int = 0
    """Values that are lists of texts."""
    n_lists: int = 0
    values: set[str] = field(default_factory=set)
    """Distinct short values, as `answer_text` gives them, at most `MAX_VALUES` and one."""

    def add(self, value: Any) -> None:
        """Counts one value; an empty one is none."""
        if value is None or value == "" or value == [] or value == {} or is_nan(value):
            return
        self.n_filled += 1
        if isinstance(value, str):
            self.n_texts += 1
        else:
            self.n_lists += isinstance(value, list | Mapping)
        self.n_turns += turns_in(value) is not None
        short = answer_text(value)
        if short is None or len(short) > MAX_CHARS:
            self.n_long += 1
        elif len(self.values) <= MAX_VALUES:
            self.values.add(short)

    @property
    def is_short(self) -> bool:
        """Whether it may hold answers: filled, with few distinct short values alone."""
        return bool(self.n_filled) and not self.n_long and len(self.values) <= MAX_VALUES

    @property
    def is_numeric(self) -> bool:
        """Whether every value is a number."""
        return bool(self.n_filled) and not self.n_long and all(map(is_number, self.values))


@dataclass(slots=True)
class Profile:
    """The columns of a file in the order in which they come."""

    n_rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        self.n_rows += 1
        for name, value in row.items():
            self.columns.setdefault(name, Column()).add(value)

    @property
    def filled(self) -> list[str]:
        """Columns that at least one row fills."""
        return [name for name, column in self.columns.items() if column.n_filled]


def profile_of(rows: Iterable[Mapping[str, Any]]) -> Profile:
    """Goes through all rows."""
    found = Profile()
    for row in rows:
        found.add(row)
    return found


def tidy(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row with the names of its columns as they are looked for.

    >>> tidy({" chosen": "a", "Rejected": "b"})
    {'chosen': 'a', 'rejected': 'b'}
    """
    return dict(zip(_tidy_names(tuple(row)), row.values(), strict=True))


@lru_cache(maxsize=256)
def _tidy_names(names: tuple[Any, ...]) -> tuple[str, ...]:
    """Returns the tidy names; those that would be the same stay as they are. A file has few rows
    with other names than the one before."""
    tidied = [_tidy_name(str(name)) for name in names]
    return tuple(
        new if tidied.count(new) == 1 else str(old) for old, new in zip(names, tidied, strict=True)
    )


def answer_text(value: Any) -> str | None:
    """Returns the answer that a value gives: text, number, `{"selected"}`, `{"choices"}`, one of a
    list; None where it gives none."""
    if isinstance(value, str) and value.startswith(("[{", "{", '["')):
        try:
            return answer_text(json.loads(value))
        except (ValueError, RecursionError):
            return value.strip()
    if is_nan(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and len(value) == 1:
        return answer_text(value[0])
    if isinstance(value, Mapping):
        for name in ("selected", "choices", "rating", "number"):
            if value.get(name) not in (None, "", []):
                return answer_text(value[name])
        return None
    return value.strip() if isinstance(value, str) else None


def _tidy_name(name: str) -> str:
    stripped = _INPUT.sub("", name.strip().strip("\ufeff").strip())
    plain = stripped.lower().replace(" ", "_")
    return plain if plain in _USUAL else stripped


def number_in(text: str) -> float:
    """Returns the number in a cell; a spreadsheet may write 2,5 for 2.5. Raises `ValueError`.

    >>> number_in("2,5")
    2.5
    """
    return float(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)


def is_number(text: str) -> bool:
    """Returns whether a cell holds a number."""
    try:
        number_in(text)
    except ValueError:
        return False
    return True


def is_nan(value: Any) -> bool:
    """Returns whether a data frame has nothing here, as itself or as it is written in a CSV."""
    if isinstance(value, str):
        return value.strip() in NAN
    return isinstance(value, float) and isnan(value)
