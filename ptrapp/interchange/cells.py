"""Decodes lists of messages that a table holds as text: JSON, Python's or numpy's notation.

pandas writes a list of dicts into CSV with `repr`; an array of them with numpy's `repr`, which has
no commas between the elements. A text that begins like such a list and cannot be decoded is
refused: it would otherwise be stored as what somebody said.
"""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange.json_rows import DECODER

_KEYS = r"role|content|from|value"
_MESSAGES = re.compile(rf"""\s*(?:array\(|"?\s*)?\[?\s*\\*\{{\s*\\*["'](?:{_KEYS})\\*["']\s*:""")
_ARRAY = re.compile(r"^\s*array\((.*?)(?:,\s*dtype=\w+)?\)\s*$", re.DOTALL)
_NO_COMMA = re.compile(r"\}\s*\n?\s*\{")
_TURN_LIST = re.compile(r"""\s*\[\s*(?:["'\]]|null|None)""")
_MAX_DECODED = 3
"""Levels of JSON inside of JSON."""


def decoded(value: Any, name: str) -> Any:
    """Returns the messages that a text holds, any other value unchanged. Raises `BadRow`."""
    for _ in range(_MAX_DECODED):
        if not isinstance(value, str) or not _MESSAGES.match(value):
            return value
        value = _decode(value, name)
    return value


def turns_in(value: Any) -> list[str | None] | None:
    """Returns the turns of a list of texts, as LMArena writes each speaker's; None for others.

    >>> turns_in('["Hello", null]')
    ['Hello', None]
    """
    if isinstance(value, str) and _TURN_LIST.match(value):
        try:
            value = DECODER.decode(value)
        except (ValueError, RecursionError):
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                return None
    if not isinstance(value, list) or not value:
        return None
    return value if all(one is None or isinstance(one, str) for one in value) else None


def object_in(value: Any) -> Mapping[str, Any] | None:
    """Returns an object, or the one that a cell of a table holds as JSON; None for others."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, Mapping) else None


def _decode(value: str, name: str) -> Any:
    try:
        return DECODER.decode(value)
    except (ValueError, RecursionError):
        pass
    text = array[1] if (array := _ARRAY.match(value)) else value
    for attempt in (text, _NO_COMMA.sub("}, {", text)):
        try:
            return ast.literal_eval(attempt.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    raise BadRow(
        f"{name!r} begins like a list of messages and can be read neither as JSON nor as Python's"
    )
