"""Reads rows to records, collects the mistakes of bad rows, and names the first ones."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

from ptrapp.core.errors import BadRow, InputError
from ptrapp.interchange import formats
from ptrapp.interchange.formats import Format
from ptrapp.interchange.limits import FileRow
from ptrapp.interchange.records import Record

_MAX_NAMED = 10
"""Bad rows named one by one in a message; further ones are counted."""
MAX_BUFFERED = 20_000
"""Limit on the rows whose records are held between checking and storing."""
_N_DETECTED = 20
"""First rows by which the format is detected."""


class RowSource(Protocol):
    """A named source of rows that can be iterated more than once."""

    name: str

    def __iter__(self) -> Iterator[FileRow]: ...


class Parsed(NamedTuple):
    """The records of one row, or what is wrong with it."""

    location: str
    records: Sequence[Record] = ()
    mistake: str | None = None


@dataclass(slots=True)
class Mistakes:
    """The number of bad rows, and the first ones in words."""

    named: list[str] = field(default_factory=list)
    n: int = 0

    def add(self, row: Parsed) -> None:
        self.n += 1
        if len(self.named) < _MAX_NAMED:
            self.named.append(f"{row.location}: {row.mistake}")

    def in_words(self, name: str) -> str:
        """Returns a message that names the bad rows of a file and says what to do."""
        rest = f"; and {self.n - len(self.named)} more" if self.n > len(self.named) else ""
        return (
            f"{name}: {'; '.join(self.named)}{rest}. Nothing was imported; correct the file, or "
            "ask for bad rows to be skipped."
        )


def format_of(source: RowSource, given: Format | None = None) -> Format:
    """Returns the given format, else the one of the first rows. Raises `InputError`."""
    first = list(islice(iter(source), _N_DETECTED))
    if not first:
        raise InputError(f"{source.name} holds no rows.")
    readable = [row.value for row in first if row.mistake is None]
    if given is not None:
        return given
    if not readable:
        mistakes = Mistakes()
        for row in first:
            mistakes.add(Parsed(row.location, mistake=row.mistake))
        raise InputError(mistakes.in_words(source.name))
    return formats.detect(readable, source.name)


def records(source: Iterable[FileRow], fmt: Format) -> Iterator[Parsed]:
    """Parses every row to records; a bad row has its mistake and no records."""
    for row in source:
        if row.mistake is not None:
            yield Parsed(row.location, mistake=row.mistake)
            continue
        try:
            yield Parsed(row.location, formats.parse(row.value, fmt))
        except BadRow as error:
            yield Parsed(row.location, mistake=str(error))


class Checked(NamedTuple):
    """The mistakes of a source, and its records if there are not too many."""

    mistakes: Mistakes
    buffered: list[Record] | None


def check(source: RowSource, fmt: Format) -> Checked:
    """Reads the whole source; more than `MAX_BUFFERED` rows must be read again to be stored."""
    mistakes, n_rows = Mistakes(), 0
    buffered: list[Record] = []
    for row in records(source, fmt):
        if row.mistake is not None:
            mistakes.add(row)
        elif n_rows <= MAX_BUFFERED:
            n_rows += 1
            buffered += row.records
    return Checked(mistakes, buffered if n_rows <= MAX_BUFFERED else None)
