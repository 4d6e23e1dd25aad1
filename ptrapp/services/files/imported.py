"""What became of an imported file, in numbers and sentences."""

from dataclasses import asdict, dataclass, field
from typing import Any

_BESIDE = (
    "Every pair was here already, so these votes count beside those that it had. If this file was "
    "imported before under another name, undo this import."
)
"""A file that was downloaded twice, `votes (1).csv`: its people are others than those of the first,
since raters are named after the import."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the rows of a file."""

    n_new: int
    n_known: int
    """Rows that were imported before, or are in the file twice."""
    import_id: int | None = None
    """By which it can be undone; None where nothing was new."""
    mistakes: tuple[str, ...] = ()
    """What is wrong with the first skipped rows, one sentence each."""
    n_skipped: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Rows added, by table."""
    name: str = ""
    format: str = ""
    said: tuple[str, ...] = ()
    """How the file was read, in sentences for a person to check."""
    used: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    """Columns of the file that were not read."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What was left out of good rows, by reason."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should look at in what was stored."""
        brought = {table for table, n in self.counts.items() if n}
        return (_BESIDE,) if "votes" in brought and not brought & {"comparisons", "rounds"} else ()
