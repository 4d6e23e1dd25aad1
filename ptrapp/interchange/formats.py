"""Detects the format of a file by the columns of its first rows, and parses rows of a format."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from ptrapp.core.errors import BadRow, InputError
from ptrapp.interchange import (
    argilla,
    label_studio,
    native,
    preferences,
    questions,
    unpaired,
    votes,
)
from ptrapp.interchange.records import Record
from ptrapp.interchange.values import names


class Format(StrEnum):
    VOTES = "votes"
    """Native raw votes."""
    PREFERENCES = "preferences"
    """TRL's preference types, HH-RLHF's transcripts, and the native export of preferences."""
    UNPAIRED = "unpaired"
    ATTEMPTS = "attempts"
    """The PTR authors' format: a question with a weak and a strong answer."""
    ARGILLA = "argilla"
    LABEL_STUDIO = "label_studio"
    LABEL_STUDIO_MIN = "label_studio_min"
    PROMPTS = "prompts"


Parser = Callable[[Mapping[str, Any]], Sequence[Record]]

PARSERS: dict[Format, Parser] = {
    Format.VOTES: votes.parse,
    Format.PREFERENCES: preferences.parse,
    Format.UNPAIRED: unpaired.parse,
    Format.ATTEMPTS: questions.parse_attempts,
    Format.ARGILLA: argilla.parse,
    Format.LABEL_STUDIO: label_studio.parse,
    Format.LABEL_STUDIO_MIN: label_studio.parse_min,
    Format.PROMPTS: questions.parse,
}


def detect(rows: Sequence[Any], file: str) -> Format:
    """Returns the format of the first rows. Raises `InputError` that names their columns."""
    objects = [row for row in rows if isinstance(row, Mapping)]
    if not objects:
        raise InputError(
            f"{file} holds no objects with named columns; give one JSON object a line, a list of "
            "them, a CSV file with a header, or a Parquet file."
        )
    for row in objects:
        if (found := _of(row)) is not None:
            return found
    raise InputError(
        f"{file} is in no format that is known: its columns are {names(objects[0])}. Known are "
        "prompt, chosen and rejected; prompt, completion and label; question, output1 and output2; "
        "prompt, question, instruction or messages alone; exports of Argilla and Label Studio. "
        f"Rename the columns, or name the format: {', '.join(Format)}."
    )


def parse(row: Any, fmt: Format) -> Sequence[Record]:
    """Parses one row to records. Raises `BadRow`."""
    if not isinstance(row, Mapping):
        raise BadRow(f"a {type(row).__name__} instead of an object")
    return PARSERS[fmt](row)


def _of(row: Mapping[str, Any]) -> Format | None:
    columns = set(row)
    if votes.MARK in row:
        return Format.VOTES
    if native.COLUMN in row or {"chosen", "rejected"} <= columns:
        return Format.PREFERENCES
    if isinstance(row.get("data"), Mapping) and ("annotations" in row or "completions" in row):
        return Format.LABEL_STUDIO
    if argilla.looks_like(row):
        return Format.ARGILLA
    if {"annotation_id", "annotator"} <= columns:
        return Format.LABEL_STUDIO_MIN
    if {"prompt", "completion", "label"} <= columns:
        return Format.UNPAIRED
    if columns.issuperset(questions.ATTEMPT_COLUMNS):
        return Format.ATTEMPTS
    return Format.PROMPTS if columns & set(questions.COLUMNS) else None
