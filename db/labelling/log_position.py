"""Says from where on the vote log must be read again by somebody who has read it before.

It says so of any table to which rows are only added. Ids grow, but on PostgreSQL a transaction that
began earlier may commit later: a row may come in before one that was read. What was read is final
up to the id that was the highest when the oldest transaction that writes now had not begun yet.
"""

import time
from dataclasses import dataclass
from functools import cache

from sqlalchemy import TextClause, bindparam, func, select, text
from sqlalchemy.orm import Session

from db.models import ChangeKind, Comparison, DataChange, Import, Round, Vote

MARGIN_S = 5.0
"""Seconds for which an id may be drawn before its transaction is known to write: both happen within
one statement."""
_MARK_EVERY_S = 1.0
_MAX_MARKS = 600
Table = type[Vote] | type[Round] | type[Comparison]
_N_UP_TO = select(func.count(Vote.id)).where(Vote.id <= bindparam("highest"))


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far the log and the transactions had come at a moment."""

    highest: int
    next_transaction: int
    at: float


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a reader is in the log."""

    final: int = 0
    """Rows up to this id are all there, and were read; those above it must be read again."""
    marks: tuple[_Mark, ...] = ()
    """Those that may be final later, oldest first; none on SQLite."""
    highest: int = 0
    n: int = 0
    """While nothing is final: the highest row, and how many there were. No row is ever removed, so
    where there are as many up to it later, none came in among them."""


def next_position(session: Session, before: LogPosition, table: Table = Vote) -> LogPosition:
    """Returns the position after a reading that begins now, of all rows above `before.final`.

    It is to be called before the rows are read, in the same session.
    """
    if session.get_bind().dialect.name != "postgresql":
        highest = session.scalar(select(func.max(table.id))) or 0
        return LogPosition(highest)  # one writer at a time: ids are in the order of commits
    begins = before.final == 0
    oldest, following, highest, *n = session.execute(
        _snapshot(table.__tablename__, counted=begins)
    ).one()
    now = time.monotonic()
    over = [
        mark
        for mark in before.marks
        if mark.next_transaction <= oldest and now - mark.at >= MARGIN_S
    ]
    waiting = before.marks[len(over) :]
    if not waiting or now - waiting[-1].at >= _MARK_EVERY_S:
        waiting = (*waiting, _Mark(highest, following, now))[-_MAX_MARKS:]
    final = max([before.final, *(mark.highest for mark in over)])
    return LogPosition(final, waiting) if final else LogPosition(0, waiting, highest, *n)


def changed_since(session: Session, position: LogPosition) -> list[int]:
    """Returns the comparisons with a row that was not final when the log was read last."""
    since = position.final
    if position.n and session.scalar(_N_UP_TO, {"highest": position.highest}) == position.n:
        since = position.highest
    rows = select(Vote.comparison_id).where(Vote.id > since).distinct()
    return list(session.scalars(rows))


def other_changes(session: Session, *also: ChangeKind) -> tuple[object, ...]:
    """Returns a value that differs once anything was hidden or shown again, without a vote.

    An import's rows are hidden by its state; rows deleted by hand are in the list of changes, with
    what else was changed by hand, of which `also` are counted.
    """
    states = select(Import.state, func.count(Import.id)).group_by(Import.state)
    by_hand = select(func.count(DataChange.id), func.max(DataChange.id)).where(
        DataChange.kind.in_((ChangeKind.DELETED, ChangeKind.RESTORED, *also))
    )
    found = sorted((state.value, n) for state, n in session.execute(states).tuples())
    return (*found, *session.execute(by_hand).one())


@cache
def _snapshot(table: str, *, counted: bool) -> TextClause:
    """Returns what asks for the transactions, and for the table's highest id and its rows.

    It is one statement: all is of the same moment.
    """
    count = f", (SELECT count(*) FROM {table})" if counted else ""
    return text(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, "
        "pg_snapshot_xmax(pg_current_snapshot())::text::bigint, "
        f"(SELECT coalesce(max(id), 0) FROM {table}){count}"
    )
