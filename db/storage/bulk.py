"""Inserts many rows at once, for imports. Ids are reserved first, so that rows can refer to others
of the same batch."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Dialect, func, insert, select, text
from sqlalchemy.orm import Session

from db.models import Base, Comparison, Prompt, Purpose, Round, Score, Vote
from db.storage import dialects

_AT_ONCE = 5000
"""Values in one IN list: SQLite takes 32,766 of them."""
_CACHE_KIB = 256 * 1024


class StoredRound(NamedTuple):
    """The columns by which rounds of one prompt differ."""

    id: int
    prompt_id: int
    parent_id: int | None
    author: str
    thinking: bool
    thought: str
    response: str
    raw: str
    sampling: dict[str, Any]


class ChainEnd(NamedTuple):
    """The chain of a rater's votes on a comparison for one purpose."""

    rater_id: int
    comparison_id: int
    purpose: Purpose

    @property
    def chain(self) -> "ChainEnd":
        """The same for every rater of an adjudication: those of a comparison are one chain."""
        return self._replace(rater_id=0) if self.purpose is Purpose.ADJUDICATION else self


_Processor = Callable[[Any], Any]


class _CompiledInsert(NamedTuple):
    """An INSERT as the driver takes it."""

    sql: str
    order: tuple[str, ...]
    """Columns in the order of their values."""
    processors: tuple[_Processor | None, ...]
    """What makes a value of each column one for the driver."""
    is_positional: bool


def reserve_ids(session: Session, table: type[Base], n: int) -> Sequence[int]:
    """Returns `n` ids that no other transaction gets, in order.

    On SQLite the transaction must be a writing one, which is then the only writer; PostgreSQL takes
    the ids from the table's sequence.
    """
    name = table.__tablename__
    if session.get_bind().dialect.name == "postgresql":
        sequence = f"pg_get_serial_sequence('{name}', 'id')"
        drawn = text(f"SELECT nextval({sequence}) FROM generate_series(1, :n)").bindparams(n=n)
        return sorted(session.scalars(drawn))
    last = session.connection().exec_driver_sql(f"SELECT max(id) FROM {name}").scalar()
    return range((last or 0) + 1, (last or 0) + 1 + n)


@contextmanager
def large_cache(session: Session) -> Iterator[None]:
    """Enlarges SQLite's page cache for a while: keys arrive in random order, and with the usual
    2 MiB every other one would fetch a page."""
    if session.get_bind().dialect.name != "sqlite":
        yield
        return
    before = session.scalar(text("PRAGMA cache_size"))
    session.execute(text(f"PRAGMA cache_size = -{_CACHE_KIB}"))
    try:
        yield
    finally:
        session.execute(text(f"PRAGMA cache_size = {before}"))


def insert_rows(
    session: Session, table: type[Base], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Adds rows, their values in the order of `columns`; defaults of the model are not filled in.

    The rows go to the driver as tuples: with dictionaries an import spends half of its time on
    taking them apart.
    """
    if not rows:
        return
    connection = session.connection()
    added = _compiled(connection.dialect, table, tuple(columns))
    by_column = dict(zip(columns, zip(*rows, strict=True), strict=True))
    ready = [
        _for_driver(process, by_column[name])
        for name, process in zip(added.order, added.processors, strict=True)
    ]
    values: Iterable[Any] = zip(*ready, strict=True)
    if not added.is_positional:
        values = (dict(zip(added.order, row, strict=True)) for row in values)
    connection.exec_driver_sql(added.sql, list(values))


def insert_scores(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds scores; a score that the rater gave before is not changed."""
    if rows:
        added = dialects.insert(session, Score).on_conflict_do_nothing()
        session.connection().execute(added, list(rows))


def prompts_by_hash(session: Session, hashes: Collection[str]) -> dict[str, int]:
    """Returns the ids of stored prompts by their hash."""
    found = {}
    for some in parts(hashes):
        rows = session.execute(select(Prompt.sha256, Prompt.id).where(Prompt.sha256.in_(some)))
        found.update({row.sha256: row.id for row in rows})
    return found


def rounds_of_prompts(session: Session, prompt_ids: Collection[int]) -> Iterator[StoredRound]:
    """Yields every round of these prompts that a person or a file brought, and no policy wrote."""
    columns = [getattr(Round, name) for name in StoredRound._fields]
    for some in parts(prompt_ids):
        wanted = select(*columns).where(Round.prompt_id.in_(some), Round.author != "policy")
        for row in session.execute(wanted.order_by(Round.id)):
            yield StoredRound(*row)


def comparisons_of_prompts(session: Session, prompt_ids: Collection[int]) -> Iterator[Any]:
    """Yields id, prompt, both rounds and aspect of every comparison of these prompts."""
    for some in parts(prompt_ids):
        yield from session.execute(
            select(
                Comparison.id,
                Comparison.prompt_id,
                Comparison.left_round_id,
                Comparison.right_round_id,
                Comparison.aspect,
            ).where(Comparison.prompt_id.in_(some))
        )


def known_vote_keys(session: Session, keys: Collection[str]) -> set[str]:
    """Returns those of these vote keys that are in the log already."""
    found: set[str] = set()
    for some in parts(keys):
        found.update(session.scalars(select(Vote.key).where(Vote.key.in_(some))))
    return found


def chain_ends(session: Session, comparison_ids: Collection[int]) -> dict[ChainEnd, int]:
    """Returns the id of the newest vote of each chain on these comparisons."""
    found: dict[ChainEnd, int] = {}
    for some in parts(comparison_ids):
        rows = session.execute(
            select(Vote.rater_id, Vote.comparison_id, Vote.purpose, func.max(Vote.id))
            .where(Vote.comparison_id.in_(some))
            .group_by(Vote.rater_id, Vote.comparison_id, Vote.purpose)
        )
        for rater, pair, purpose, last in rows:
            chain = ChainEnd(rater, pair, purpose).chain
            found[chain] = max(last, found.get(chain, 0))
    return found


def parts(values: Collection[Any]) -> Iterator[list[Any]]:
    """Yields the values in lists that one IN takes."""
    given = list(values)
    for start in range(0, len(given), _AT_ONCE):
        yield given[start : start + _AT_ONCE]


@lru_cache(maxsize=64)
def _compiled(dialect: Dialect, table: type[Base], columns: tuple[str, ...]) -> _CompiledInsert:
    """Compiles an INSERT once: for the few rows of a short transaction that costs more than they
    do."""
    added = insert(table).compile(dialect=dialect, column_keys=list(columns))
    order = added.positiontup or columns  # of the values in the statement: the table's
    kinds = [table.__table__.c[name].type.dialect_impl(dialect) for name in order]
    processors = tuple(kind.bind_processor(dialect) for kind in kinds)
    return _CompiledInsert(str(added), tuple(order), processors, bool(added.positiontup))


def _for_driver(process: _Processor | None, column: Sequence[Any]) -> Iterable[Any]:
    """Converts values for the driver; equal values, or the same object, are converted once."""
    if process is None:
        return column
    if isinstance(column[0], dict | list):
        ready = {id(value): process(value) for value in {id(one): one for one in column}.values()}
        return [ready[id(value)] for value in column]
    ready = {value: process(value) for value in set(column)}
    return [ready[value] for value in column]
