"""Reads rows to records by one plan for the whole file, and names what is wrong or left out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol

from ptrapp.core.errors import AnswerUnclear, BadRow, InputError
from ptrapp.interchange import formats, native, votes
from ptrapp.interchange.cells import decoded
from ptrapp.interchange.formats import Format, Options, Shapes
from ptrapp.interchange.limits import FileRow
from ptrapp.interchange.profile import Profile, tidy
from ptrapp.interchange.records import JudgedPair, Rated, ReadPlan, Record
from ptrapp.interchange.unnamed import Disputes, numbered

_MAX_NAMED = 10
"""Rows named one by one in a message, bad ones and left-out ones; further ones are counted."""
MAX_BUFFERED = 20_000
"""Limit on the rows whose records are held between checking and storing."""
N_SAMPLES = 3
"""Records that are shown before anything is written."""
_NESTED = ("data", "fields")
"""Columns whose own values may be messages as text: those of a task or record."""


class RowSource(Protocol):
    """A named source of rows that can be iterated more than once."""

    name: str

    def __iter__(self) -> Iterator[FileRow]: ...


class Parsed(NamedTuple):
    """The records of one row, or what is wrong with it."""

    location: str
    records: Sequence[Record] = ()
    mistake: str | None = None
    left_out: Sequence[str] = ()


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
            "have rows that cannot be read left out: a box on the page, --skip-bad in a terminal, "
            "skip_bad=true by HTTP."
        )


class Reading(NamedTuple):
    """How a file is read: decided once, from all its rows."""

    fmt: Format
    plan: ReadPlan
    used: Sequence[str]
    unused: Sequence[str]
    """Filled columns, fields and controls that are not read."""


class _Tidy:
    """The readable rows of a source; iterating again reads them again."""

    def __init__(self, source: RowSource) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for row in self._source:
            if row.mistake is None and isinstance(row.value, Mapping):
                try:
                    yield prepared(row.value)
                except BadRow:  # named when the rows are checked
                    continue


def prepared(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a row with tidy names, and lists of messages where its cells hold them as text.

    Our own rows stay as they are. Raises `BadRow` for a cell that only looks like messages.
    """
    if votes.MARK in row or native.COLUMN in row:
        return row
    found = {name: decoded(value, name) for name, value in tidy(row).items()}
    for name in _NESTED:
        if isinstance(inner := found.get(name), Mapping):
            found[name] = {key: decoded(value, f"{name}.{key}") for key, value in inner.items()}
    return found


def understand(source: RowSource, options: Options | None = None) -> Reading:
    """Goes through a whole file and decides how it is read. Raises `InputError` in words."""
    options = options or Options()
    profile, shapes, rows = Profile(), Shapes(), _Tidy(source)
    for row in rows:
        profile.add(row)
        shapes.add(row)
    if not profile.n_rows:
        _refuse_unreadable(source)
    fmt = options.fmt or formats.format_of(profile, shapes, source.name)
    try:
        plan = formats.plan_of(fmt, profile, rows, options)
    except AnswerUnclear as error:
        sentence = f"{source.name}: {error}. Nothing was imported."
        raise AnswerUnclear(sentence, error.columns) from error
    except BadRow as error:
        raise InputError(f"{source.name}: {error}. Nothing was imported.") from error
    used = dict.fromkeys(name for name in plan.used if name in profile.columns)
    return Reading(fmt, plan, [*used, *plan.inner], formats.unused(profile, plan))


def _refuse_unreadable(source: RowSource) -> None:
    """Refuses a source without any readable row, in the words of its first rows."""
    first = list(islice(iter(source), _MAX_NAMED))
    if not first:
        raise InputError(f"{source.name} holds no rows.")
    mistakes = Mistakes()
    for row in first:
        if (parsed := _parsed(row, None)).mistake is not None:
            mistakes.add(parsed)
    if all(row.mistake is None and not isinstance(row.value, Mapping) for row in first):
        formats.detect([], source.name)
    raise InputError(mistakes.in_words(source.name))


def records(source: Iterable[FileRow], plan: ReadPlan) -> Iterator[Parsed]:
    """Parses every row to records; a bad row has its mistake and no records."""
    for row in source:
        yield _parsed(row, plan)


def _parsed(row: FileRow, plan: ReadPlan | None) -> Parsed:
    if row.mistake is not None:
        return Parsed(row.location, mistake=row.mistake)
    if not isinstance(row.value, Mapping):
        return Parsed(row.location, mistake=f"a {type(row.value).__name__} instead of an object")
    try:
        value = prepared(row.value)
        found = plan.read(value) if plan else None
    except BadRow as error:
        return Parsed(row.location, mistake=str(error))
    return (
        Parsed(row.location, found.records, None, found.left_out) if found else Parsed(row.location)
    )


def _told(row: Parsed) -> str:
    """Returns where something was left out, and why."""
    return f"{row.location}: {'; '.join(dict.fromkeys(row.left_out))}"


class Checked(NamedTuple):
    """What a source holds: its mistakes, what is left out, and its records if they are not many."""

    mistakes: Mistakes
    buffered: list[Record] | None
    outcomes: Counter[str]
    """Votes by outcome, labels of single completions as good or bad."""
    left_out: Counter[str]
    left_out_rows: list[str]
    """The first rows of which something was left out, and why."""
    samples: list[Record]
    n_records: int
    n_rows: int
    """All of them, those with a mistake too."""
    disputes: Disputes
    """What rows say in different ways, naming nobody."""


def check(source: RowSource, plan: ReadPlan) -> Checked:
    """Reads the whole source; more than `MAX_BUFFERED` rows must be read again to be stored."""
    mistakes, n_rows, n_good, n_records = Mistakes(), 0, 0, 0
    buffered: list[Record] = []
    samples: list[Record] = []
    told: list[str] = []
    outcomes, left_out, disputes = Counter[str](), Counter[str](), Disputes()
    for row in records(source, plan):
        n_rows += 1
        if row.mistake is not None:
            mistakes.add(row)
            continue
        left_out.update(row.left_out)
        if row.left_out and len(told) < _MAX_NAMED:
            told.append(_told(row))
        outcomes.update(one for record in row.records for one in _outcomes(record))
        n_records += len(row.records)
        for record in row.records:
            disputes.add(record)
        samples += row.records[: N_SAMPLES - len(samples)]
        if n_good <= MAX_BUFFERED:
            n_good += 1
            buffered += row.records
    kept = buffered if n_good <= MAX_BUFFERED else None
    return Checked(mistakes, kept, outcomes, left_out, told, samples, n_records, n_rows, disputes)


def _outcomes(record: Record) -> list[str]:
    match record:
        case JudgedPair():
            return [label.outcome for label in record.labels]
        case Rated():
            return ["good" if record.good else "bad"]
    return []


def good_records(source: Iterable[FileRow], plan: ReadPlan, checked: Checked) -> Iterable[Record]:
    """Returns the records of the good rows, those in memory if they are."""
    if checked.buffered is not None:
        return numbered(checked.buffered, checked.disputes.about)
    read = (record for row in records(source, plan) for record in row.records)
    return numbered(read, checked.disputes.about)
