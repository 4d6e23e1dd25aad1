"""Finds text that no database stores: NUL, and halves of surrogate pairs, wherever they stand.

SQLite keeps NUL and PostgreSQL refuses it; neither takes half a pair, which JSON can escape.
"""

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

_MAYBE = re.compile(rb"\x00|\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")
"""What a body must hold for any of this; most do not, and are not parsed twice."""
_NEVER = re.compile("[\x00\ud800-\udfff]")
_MISTAKE = "The request holds a NUL character or half a surrogate pair; leave it out."
_DEEP = "The request is nested too deep."


def cannot_be_stored(path: str, query: bytes) -> str | None:
    """Returns what is wrong with a path and a query, None where nothing is."""
    decoded = unquote_to_bytes(query)
    if _NEVER.search(path) or b"\x00" in decoded or _is_broken(decoded):
        return _MISTAKE
    return None


def json_cannot_be_stored(body: bytes) -> str | None:
    """Returns what is wrong with texts in a JSON body, None where nothing is, or it is no JSON."""
    if not _MAYBE.search(body):
        return None
    try:
        value = json.loads(body)
    except RecursionError:
        return _DEEP
    except ValueError:
        return None  # whoever reads it says so
    return _MISTAKE if _holds_one(value) else None


def holds_none(value: Any) -> bool:
    """Returns whether a value, and all inside it, can be stored."""
    return not _holds_one(value)


def _holds_one(value: Any) -> bool:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text) if _NEVER.search(text):
                return True
            case dict(inner):
                waiting += [*inner.keys(), *inner.values()]
            case list(inner) | tuple(inner):
                waiting += inner
    return False


def _is_broken(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False
