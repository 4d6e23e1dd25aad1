"""Decodes lists and objects that a table holds as text: JSON, Python's or numpy's notation.

pandas writes a list of dicts into CSV with `repr`; an array of them with numpy's `repr`, which has
no commas between the elements. A text that begins like such a list and cannot be decoded is
refused: it would otherwise be stored as what somebody said.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange import python_notation
from ptrapp.interchange.json_rows import DECODER
from ptrapp.interchange.roles import (
    CONTENT_KEYS,
    OTHERS,
    ROLES,
    SPEAKER_KEYS,
    are_turns,
    is_turn,
)

NAN = ("nan", "NaN")
"""How pandas writes a missing cell."""
_KEYS = "|".join((*SPEAKER_KEYS, *CONTENT_KEYS))
_BEGINS = re.compile(
    rf"""\s*(?:array\(|"?\s*)?(?P<list>\[?)\s*\\*\{{(?:\s*\\*["'](?P<key>{_KEYS})\\*["']\s*:)?"""
)
_SAYS_WHO = re.compile(
    rf"""["'](?:{"|".join(SPEAKER_KEYS)})\\*["']\s*:\s*\\*["']\s*"""
    rf"""(?:{"|".join((*ROLES, *OTHERS))})\b""",
    re.IGNORECASE,
)
_FIRST = frozenset('[{"\\a')
"""What `_BEGINS` and `_RESPONSES` begin with: nearly all cells are told apart by it at once."""
_RESPONSES = re.compile(r"""\s*\[\s*\{\s*["']user_id["']\s*:""")
"""The responses of version 1 of Argilla, which come as messages do."""
_OBJECT = re.compile(r"""\s*\{\s*["'][^"']*["']\s*:.*\}\s*""", re.DOTALL)
_NEITHER = "can be read neither as JSON nor as Python's"
_TURN_LIST = re.compile(r"""\s*(?:array\()?\[\s*(?:["'\]]|null|None)""")
_MAX_DECODED = 3
"""Levels of JSON inside of JSON."""


def decoded(value: Any, name: str) -> Any:
    """Returns the messages that a text holds, any other value unchanged. Raises `BadRow`.

    An answer that happens to be JSON stays a text: messages are a list of turns, or one turn.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in _FIRST:
        return value
    if _RESPONSES.match(value):
        if (responses := _literal(value)) is None:
            raise BadRow(f"{name!r} begins like a list of responses and {_NEITHER}")
        return responses
    found: Any = value
    for _ in range(_MAX_DECODED):
        first = _BEGINS.match(found) if isinstance(found, str) else None
        if first is None or not _may_be_turns(first):
            break
        try:
            found = _read(found)
        except ValueError as error:
            if first["key"] is None:
                break
            raise BadRow(f"{name!r} begins like a list of messages and {_NEITHER}") from error
    return found if are_turns(found) or is_turn(found) else value


def turns_in(value: Any) -> list[str | None] | None:
    """Returns the turns of a list of texts, as LMArena writes each speaker's; None for others.

    >>> turns_in('["Hello", null]'), turns_in("['Hi' 'And 2+2?']")
    (['Hello', None], ['Hi', 'And 2+2?'])
    """
    if isinstance(value, str) and _TURN_LIST.match(value):
        value = _literal(value)
    if not isinstance(value, list) or not value:
        return None
    return value if all(one is None or isinstance(one, str) for one in value) else None


def list_in(value: Any) -> list[Any] | None:
    """Returns a list, or the one that a cell of a table holds; None for others.

    >>> list_in("['response1' 'tie']"), list_in("[sic]")
    (['response1', 'tie'], None)
    """
    if isinstance(value, str) and value.lstrip().startswith(("[", "array(")):
        value = _literal(value)
    return value if isinstance(value, list) else None


def object_in(value: Any, keys: Sequence[str], name: str) -> Mapping[str, Any] | None:
    """Returns the object with one of these keys that a cell of a table holds, None for others.

    Raises `BadRow` for one that cannot be read: it would else be stored as what somebody said.
    """
    if isinstance(value, str) and _OBJECT.fullmatch(value):
        if not any(f"{quote}{key}{quote}:" in value for key in keys for quote in "'\""):
            return None
        if (value := _literal(value)) is None:
            raise BadRow(f"{name!r} begins like an object and {_NEITHER}")
    return value if isinstance(value, Mapping) and any(key in value for key in keys) else None


def _literal(text: str) -> Any:
    """Returns what a text holds, None where it cannot be read."""
    try:
        return _read(text)
    except ValueError:
        return None


def _read(text: str) -> Any:
    """Returns what a text holds as JSON, or as Python or numpy print it. Raises `ValueError`."""
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        return python_notation.evaluated(text)


def _may_be_turns(first: re.Match[str]) -> bool:
    """Returns whether a text may hold turns, by its beginning and by the speakers it names.

    A list that begins with a content may be cut off before it names a speaker.
    """
    cut_off = first["list"] and first["key"] == "content"
    return bool(_SAYS_WHO.search(first.string) or cut_off)
