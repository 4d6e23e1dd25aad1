"""Our raw votes: one row a vote, the undone ones too, with the pair it was cast on."""

import json
from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange import own
from ptrapp.interchange.records import JudgedPair

MARK = "thrice_vote"
"""The column that tells these rows from others; its value is the version of their format."""
COLUMNS = (
    MARK, "key", "outcome", "strength", "rater", "rater_kind", "rationale", "purpose", "blind",
    "agreed", "on_left", "decided_ms", "client", "supersedes", "created_at", "aspect", "prompt",
    "left", "right",
)  # fmt: skip
_NESTED = ("prompt", "left", "right")
_NUMBERS = ("strength", "decided_ms")
_FLAGS = ("blind", "agreed")


def row_of(pair: JudgedPair) -> dict[str, Any]:
    """A pair with one vote as a row."""
    (said,) = pair.labels
    return {
        MARK: 1,
        **own.vote_row(said),
        "aspect": pair.aspect,
        "prompt": own.prompt_row(pair.prompt),
        "left": own.completion_row(pair.left),
        "right": own.completion_row(pair.right),
    }


def parse(row: Mapping[str, Any]) -> tuple[JudgedPair, ...]:
    """Read a row back. Raises `BadRow`."""
    if str(row.get(MARK)) != "1":
        raise BadRow(f"{MARK!r} is {str(row.get(MARK))[:20]!r}; this version reads 1")
    if isinstance(row.get("prompt"), str):
        row = _from_cells(row)
    aspect = own.one_of(row, "aspect", own.ASPECTS)
    return (
        JudgedPair(
            own.prompt_from(row.get("prompt")),
            own.completion_from(row.get("left"), "left"),
            own.completion_from(row.get("right"), "right"),
            (own.vote_from(row),),
            aspect,
        ),
    )


def cells(row: Mapping[str, Any]) -> dict[str, str]:
    """A row for a CSV or a Parquet file: what is nested as JSON, what is missing as nothing."""
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
