"""Tells apart judgements that contradict each other in a file that names nobody who gave them.

Rows that judge one pair in different ways are several people's: nothing says that a later one
replaces an earlier one, so each of them is a vote of its own. Rows that say the same twice are one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace

from ptrapp.interchange.records import GivenLabel, JudgedPair, PromptText, Rated, Record


class Disputes:
    """Collects what a file says of one thing in different ways, naming nobody."""

    def __init__(self) -> None:
        self.about = set[int]()
        """Hashes of these things: the texts of a large file would be too much to keep."""
        self._first: dict[int, str] = {}
        """What was said of each thing at first."""
        self._again = Counter[int]()
        """How often something was said of it after that; most things are judged once."""

    def add(self, record: Record) -> None:
        """Notes what a record says."""
        about = _about(record)
        for said in _unnamed(record):
            if about not in self._first:
                self._first[about] = said
                continue
            self._again[about] += 1
            if self._first[about] != said:
                self.about.add(about)

    @property
    def n_judgements(self) -> int:
        """How many judgements are of these things."""
        return sum(1 + self._again[one] for one in self.about)


def numbered(records: Iterable[Record], disputed: Set[int]) -> Iterator[Record]:
    """Yields the records of a file; each judgement of a disputed thing says which one it is."""
    if not disputed:
        yield from records
        return
    times = Counter[int]()
    for record in records:
        about = _about(record)
        if about not in disputed:
            yield record
        elif isinstance(record, Rated):
            times[about] += 1
            yield replace(record, nth=times[about])
        elif isinstance(record, JudgedPair):
            labels = []
            for label in record.labels:
                times[about] += _names_nobody(label)
                labels.append(replace(label, nth=times[about]) if _names_nobody(label) else label)
            yield replace(record, labels=tuple(labels))


def _about(record: Record) -> int:
    """Returns the hash of what a record judges; 0 where it judges nothing."""
    match record:
        case JudgedPair():
            sides = sorted((record.left.raw, record.right.raw))
            return hash((_asked(record.prompt), *sides, record.aspect))
        case Rated():
            return hash((_asked(record.prompt), record.completion.raw))
    return 0


def _unnamed(record: Record) -> list[str]:
    """Returns what a record says of it by nobody who is named, whichever text stands first."""
    match record:
        case JudgedPair():
            given = [one.preference for one in record.labels if _names_nobody(one)]
            if record.left.raw > record.right.raw:
                given = [one.mirrored() if one else None for one in given]
            return [one.choice.value for one in given if one]
        case Rated():
            return [str(record.good)]
    return []


def _names_nobody(label: GivenLabel) -> bool:
    return label.user is None and label.vote is None


def _asked(prompt: PromptText) -> tuple[object, ...]:
    return (prompt.text, prompt.system, tuple((one.role, one.content) for one in prompt.context))
