"""Defines a row of a file, and limits on files, which are checked before memory fills."""

from dataclasses import dataclass
from typing import Any, NamedTuple

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits on a file; a larger one must be imported in parts."""

    n_bytes: int
    """Bytes of the file, compressed or not."""
    n_rows: int
    n_line_bytes: int = 4 * MIB
    """Bytes of one row in the file."""
    n_columns: int = 1000
    """Columns of a table, or fields of an object: people's files have tens."""
    depth: int = 24
    """Nesting of lists and objects."""
    expansion: int = 100
    """Factor by which a compressed file may grow."""

    @property
    def n_expanded_bytes(self) -> int:
        """Bytes of the unpacked file."""
        return 4 * self.n_bytes


TERMINAL = Limits(n_bytes=256 * MIB, n_rows=2_000_000)
"""For imports on the command line."""
NETWORK = Limits(n_bytes=32 * MIB, n_rows=200_000)
"""For files uploaded to the app."""


class FileRow(NamedTuple):
    """One row, or what is wrong with it, and its location in the file."""

    location: str
    value: Any = None
    mistake: str | None = None


def check_depth(value: Any, limit: int) -> str | None:
    """Returns a mistake if lists and objects are nested deeper than `limit`, else None."""
    level, depth = [value], 0
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
        if depth > limit:
            return f"nested more than {limit} deep"
    return None


def _inside(value: Any) -> list[Any]:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in values if isinstance(inner, _NESTING)]


_NESTING = (dict, list)
