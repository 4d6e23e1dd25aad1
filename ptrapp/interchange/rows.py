"""One row of a file and where it stands, and how deep its values may go."""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row and where it stands, or what is wrong with it."""

    place: str
    value: Any = None
    mistake: str | None = None


def check_depth(value: Any, most: int) -> str | None:
    """What is wrong with lists and objects too deep inside each other; None for nothing."""
    level, depth = [value], 0
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
        if depth > most:
            return f"nested more than {most} deep"
    return None


def _inside(value: Any) -> list[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in values if isinstance(inner, _NESTING)]


_NESTING = (dict, list)
