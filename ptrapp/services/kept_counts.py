"""Counts stored rows by source, and later only those that came since.

Rows are only ever added, so that what was counted stays counted. Once anything was hidden, shown
again or found right by another answer, what that may change is counted anew.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from db.content import sources
from db.content.sources import Counted, SourceCount, SourceCounts
from db.labelling.log_position import LogPosition, Table, next_position, other_changes
from db.models import ChangeKind, Comparison, Round, Vote
from db.storage.session import Session

Count = Callable[[Session, int, int], SourceCounts]
"""Counts the rows above an id, those up to another one apart from the rest."""


class StoredData(NamedTuple):
    """What is stored, in numbers."""

    sources: list[SourceCount]
    """The largest first."""
    n_votes: dict[str, int]
    """Votes of the log by kind of rater, undone and repeated ones included."""


class KeptCounts:
    """The numbers of stored rows, as they are in the database when they are asked for."""

    def __init__(self) -> None:
        self._rounds = _Kept(Round, sources.count_rounds)
        self._comparisons = _Kept(Comparison, sources.count_comparisons)
        self._votes = _Kept(Vote, sources.count_votes)
        self._lock = threading.Lock()

    def current(self, session: Session) -> StoredData:
        with self._lock:
            prompts = sources.count_prompts(session)
            # a hidden prompt that is asked again is shown, which no list of changes has
            hidden = sum(one.n_hidden for one in prompts.values())
            shown = (*other_changes(session), hidden)
            votes = self._votes.current(session, shown)
            of_source = sources.by_source(
                prompts,
                self._rounds.current(session, shown),
                self._comparisons.current(session, shown),
                votes,
            )
            return StoredData(of_source, sources.by_kind(votes))


class KeptRefined:
    """The number of rounds worth imitating and fit for it, as it is when it is asked for."""

    def __init__(self) -> None:
        self._rounds = _Kept(Round, sources.count_refined)
        self._lock = threading.Lock()

    def current(self, session: Session) -> int:
        with self._lock:
            changed = other_changes(session, ChangeKind.ANSWER)
            return self._rounds.current(session, changed).total()


class _Kept:
    """The numbers of one table's rows."""

    def __init__(self, table: Table, count: Count) -> None:
        self._table = table
        self._count = count
        self._final: Counted = Counter()
        """Of the rows that are final."""
        self._position = LogPosition()
        self._shown: tuple[object, ...] | None = None

    def current(self, session: Session, shown: tuple[object, ...]) -> Counted:
        """Returns the numbers; `shown` differs once anything was hidden or shown again."""
        position = next_position(session, self._position, self._table)
        since, final = self._position.final, self._final
        if shown != self._shown:
            since, final = 0, Counter()
        counts = self._count(session, since, position.final)
        final = final + counts.final
        self._final, self._position, self._shown = final, position, shown
        return final + counts.later
