"""One row of a file, and limits on files: what exceeds them is refused before it fills memory."""

from dataclasses import dataclass
from typing import Any, NamedTuple

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of everything; a file that needs more is given in parts."""

    n_bytes: int
    """Of the file as it comes."""
    n_rows: int
    n_line_bytes: int = 4 * MIB
    """Of one row as it is written."""
    depth: int = 24
    """Lists and objects inside each other."""
    expansion: int = 100
    """How many times larger a compressed file may become."""

    @property
    def n_expanded_bytes(self) -> int:
        """Of the whole file once it is unpacked."""
        return 4 * self.n_bytes


TERMINAL = Limits(n_bytes=256 * MIB, n_rows=2_000_000)
"""For a person at the machine itself."""
NETWORK = Limits(n_bytes=32 * MIB, n_rows=200_000)
"""For a file that is sent to the app."""


class FileRow(NamedTuple):
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
