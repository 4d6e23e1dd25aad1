"""Reads rows with `datasets.load_dataset`: from a hub name, a local folder or file."""

from collections.abc import Iterator

from ptrapp.core.errors import InputError
from ptrapp.interchange.limits import FileRow, Limits, check_depth
from ptrapp.interchange.table_rows import with_numbers
from ptrapp.tasks.hub import load_rows


class HubRows:
    """The rows of one split. No code of the data set is run."""

    def __init__(self, given: str, limits: Limits) -> None:
        """Loads `hf:NAME[:CONFIG][:SPLIT]`. Raises `InputError` for what cannot be loaded."""
        self.name = given
        self._limits = limits
        self._rows = load_rows(given)
        if len(self._rows) > limits.n_rows:
            raise InputError(
                f"{given} has {len(self._rows):,} rows, more than {limits.n_rows:,}; name a "
                "smaller split, or give a part of it as a file."
            )

    def __iter__(self) -> Iterator[FileRow]:
        for number, value in enumerate(self._rows, start=1):
            value = with_numbers(value)
            yield FileRow(f"row {number}", value, check_depth(value, self._limits.depth))
