"""Checks single values of a row; a value that is no text or cannot be stored is a `BadRow`."""

from collections.abc import Mapping
from math import isnan
from typing import Any

from ptrapp.core.errors import BadRow

MAX_USER_CHARS = 60
"""A rater's name is stored after the name of the import, in a column of 120."""


def text_of(row: Mapping[str, Any], name: str) -> str:
    """Returns a required text that is not blank. Raises `BadRow`."""
    if name not in row:
        raise BadRow(f"no {name!r} (it has {names(row)})")
    return text(row[name], name)


def text(value: Any, name: str) -> str:
    """Returns the value if it is a text that can be stored and not blank. Raises `BadRow`."""
    found = any_text(value, name)
    if not found or found.isspace():
        raise BadRow(f"{name!r} is blank")
    return found


def any_text(value: Any, name: str) -> str:
    """Returns the value if it is a text that can be stored, blank or not. Raises `BadRow`."""
    if not isinstance(value, str):
        raise BadRow(f"{name!r} is a {type(value).__name__} instead of a text")
    if "\x00" in value or not _whole(value):
        raise BadRow(f"{name!r} holds a NUL or half a character, which cannot be stored")
    return value


def optional_text(row: Mapping[str, Any], name: str) -> str | None:
    """Returns a text, or None where it is missing or blank."""
    value = row.get(name)
    if value is None or value == "":
        return None
    found = any_text(value, name)
    return None if found.isspace() else found


def user_name(value: Any, column: str) -> str | None:
    """Returns the annotator in a foreign file as a short name, None where there is none.

    A data frame writes a column of whole numbers, some of them missing, as fractions.

    >>> user_name(12.0, "worker_id"), user_name(float("nan"), "worker_id")
    ('12', None)
    """
    if isinstance(value, Mapping):
        value = value.get("email") or value.get("username") or value.get("id")
    if value is None or value == "" or isinstance(value, bool):
        return None
    if isinstance(value, float):
        if isnan(value):
            return None
        value = int(value) if value.is_integer() else value
    if not isinstance(value, str | int):
        raise BadRow(
            f"the annotator in {column!r} is a {type(value).__name__} instead of a name or a whole "
            "number"
        )
    name = any_text(str(value), column).strip()
    return name[:MAX_USER_CHARS] if name not in ("", "None") else None


def as_text(name: str) -> str:
    """Returns a name from the command line or a folder as UTF-8, whatever the locale made of it.

    Under another locale Python keeps bytes it cannot decode as half characters, which cannot be
    stored.

    >>> as_text("pr\udcc3\udca4f")
    'präf'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def names(row: Mapping[str, Any]) -> str:
    """Returns the columns of a row, for a message.

    >>> names({"b": 1, "a": 2})
    'a, b'
    """
    listed = sorted(str(name)[:40] for name in row)
    more = len(listed) - 20
    return ", ".join(listed[:20]) + (f" and {more} more" if more > 0 else "")


def _whole(value: str) -> bool:
    """Returns whether the text has no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
