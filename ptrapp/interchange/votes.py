"""Converts raw votes to and from rows: every vote, undone ones too, with its pair."""

import json
from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange import native
from ptrapp.interchange.records import JudgedPair

MARK = "thrice_vote"
"""The column that identifies these rows; its value is the version of their format."""
COLUMNS = (
    MARK, "key", "outcome", "strength", "rater", "rater_kind", "rationale", "purpose", "blind",
    "agreed", "on_left", "decided_ms", "client", "supersedes", "created_at", "aspect", "prompt",
    "left", "right",
)  # fmt: skip
_NESTED = ("prompt", "left", "right")
_NUMBERS = ("strength", "decided_ms")
_FLAGS = ("blind", "agreed")


def row_of(pair: JudgedPair) -> dict[str, Any]:
    """Returns a pair with one vote as a row."""
    (label,) = pair.labels
    return {
        MARK: 1,
        **native.vote_row(label),
        "aspect": pair.aspect,
        "prompt": native.prompt_row(pair.prompt),
        "left": native.completion_row(pair.left),
        "right": native.completion_row(pair.right),
    }


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Parses a row. Raises `BadRow`."""
    if str(row.get(MARK)) != "1":
        raise BadRow(f"{MARK!r} is {str(row.get(MARK))[:20]!r}; this version reads 1")
    if isinstance(row.get("prompt"), str):
        row = _from_cells(row)
    aspect = native.one_of(row, "aspect", native.ASPECTS)
    return (
        JudgedPair(
            native.prompt_from(row.get("prompt")),
            native.completion_from(row.get("left"), "left"),
            native.completion_from(row.get("right"), "right"),
            (native.vote_from(row),),
            aspect,
        ),
    )


def cells(row: Mapping[str, Any]) -> dict[str, str]:
    """Returns a row for CSV or Parquet: nested values as JSON, missing ones as empty text."""
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def _from_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: None if cell == "" else cell for name, cell in row.items()}
    for name in (*_NESTED, *_NUMBERS, *_FLAGS):
        if isinstance(cell := found.get(name), str):
            try:
                found[name] = json.loads(cell)
            except (ValueError, RecursionError) as error:
                raise BadRow(f"{name!r} cannot be read ({error})") from error
    return found
