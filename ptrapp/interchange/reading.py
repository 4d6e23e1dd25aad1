"""From rows to records: every row in its place, its mistake kept, the first ones named."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

from ptrapp.core.errors import BadRow, InputError
from ptrapp.interchange import formats
from ptrapp.interchange.formats import Format
from ptrapp.interchange.limits import FileRow
from ptrapp.interchange.records import Record

_MOST_NAMED = 10
"""Bad rows named one by one in a message; more are counted."""
MOST_KEPT = 20_000
"""Rows whose records are kept between checking and storing."""
_LOOKED_AT = 20
"""First rows that the format is told by."""


class RowSource(Protocol):
    """Rows that can be gone through more than once, and what they are called."""

    name: str

    def __iter__(self) -> Iterator[FileRow]: ...


class Parsed(NamedTuple):
    """The records of one row, or what is wrong with it."""

    place: str
    records: Sequence[Record] = ()
    mistake: str | None = None


@dataclass(slots=True)
class Mistakes:
    """Bad rows, the first ones in words, all of them counted."""

    named: list[str] = field(default_factory=list)
    n: int = 0

    def add(self, row: Parsed) -> None:
        self.n += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append(f"{row.place}: {row.mistake}")

    def in_words(self, name: str) -> str:
        """Which rows of a file are bad, and what to do."""
        rest = f"; and {self.n - len(self.named)} more" if self.n > len(self.named) else ""
        return (
            f"{name}: {'; '.join(self.named)}{rest}. Nothing was imported; correct the file, or "
            "ask for bad rows to be skipped."
        )


def format_of(source: RowSource, said: Format | None = None) -> Format:
    """The format that was said, else the one its first rows are in. Raises `InputError`."""
    first = list(islice(iter(source), _LOOKED_AT))
    if not first:
        raise InputError(f"{source.name} holds no rows.")
    readable = [row.value for row in first if row.mistake is None]
    if said is not None:
        return said
    if not readable:
        mistakes = Mistakes()
        for row in first:
            mistakes.add(Parsed(row.place, mistake=row.mistake))
        raise InputError(mistakes.in_words(source.name))
    return formats.detect(readable, source.name)


def records(source: Iterable[FileRow], fmt: Format) -> Iterator[Parsed]:
    """Bring every row to records; a bad one comes with its mistake and without records."""
    for row in source:
        if row.mistake is not None:
            yield Parsed(row.place, mistake=row.mistake)
            continue
        try:
            yield Parsed(row.place, formats.parse(row.value, fmt))
        except BadRow as error:
            yield Parsed(row.place, mistake=str(error))


class Checked(NamedTuple):
    """A source that was gone through once: what is wrong, and its records where they are few."""

    mistakes: Mistakes
    kept: list[Record] | None


def check(source: RowSource, fmt: Format) -> Checked:
    """Go through the whole source; what is too much to keep is to be read a second time."""
    mistakes, n_kept = Mistakes(), 0
    kept: list[Record] = []
    for row in records(source, fmt):
        if row.mistake is not None:
            mistakes.add(row)
        elif n_kept <= MOST_KEPT:
            n_kept += 1
            kept += row.records
    return Checked(mistakes, kept if n_kept <= MOST_KEPT else None)
