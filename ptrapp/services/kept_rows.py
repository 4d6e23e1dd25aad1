"""Keeps rows made of current votes in memory, and reads again only what new votes have changed.

Which votes count, and as what, is said by one query. Everything it looks at belongs to one
comparison: so a new vote changes the rows of its comparison alone, and these are read again. The
log is the only truth: nothing is stored, a start begins anew, and two apps on one database agree.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from db.labelling.log_position import LogPosition, changed_since, next_position, other_changes
from db.storage.session import Session

COMPARISON = 1
"""The column of the comparison's id; the first one is the vote's."""
_AT_ONCE = 5_000
"""Comparisons in one query: SQLite takes 32,766 values."""
_MANY = 20_000
"""Above so many changed comparisons all are read."""

Read = Callable[[Session, Collection[int] | None], Iterable[Sequence[int]]]
"""Reads rows of whole numbers, vote and comparison first: of these comparisons, or of all."""


class KeptRows:
    """The rows of one query, as they are in the database when they are asked for."""

    def __init__(self, read: Read, n_columns: int) -> None:
        self._read = read
        self._rows = np.empty((0, n_columns), dtype=np.int32)
        self._position = LogPosition()
        self._other: tuple[object, ...] | None = None
        self._lock = threading.Lock()

    def current(self, session: Session) -> np.ndarray:
        """Returns the rows in the order of the votes, (n, n_columns); nobody may change them."""
        with self._lock:
            other = other_changes(session)
            position = next_position(session, self._position)
            changed = changed_since(session, self._position) if other == self._other else None
            if changed is None or len(changed) > _MANY:
                self._rows = self._table(self._read(session, None))
            elif changed:
                parts = (changed[at : at + _AT_ONCE] for at in range(0, len(changed), _AT_ONCE))
                fresh = [self._table(self._read(session, part)) for part in parts]
                stay = self._rows[~np.isin(self._rows[:, COMPARISON], changed)]
                rows = np.concatenate([stay, *fresh])
                self._rows = rows[np.argsort(rows[:, 0], kind="stable")]
            self._position, self._other = position, other
            return self._rows

    def _table(self, rows: Iterable[Sequence[int]]) -> np.ndarray:
        found = np.array([tuple(row) for row in rows], dtype=np.int32)
        return found.reshape(-1, self._rows.shape[1])
