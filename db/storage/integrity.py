"""Finds what is broken in a database: pages of the file, and references to rows that are gone."""

from collections.abc import Iterator

from sqlalchemy import ForeignKeyConstraint, Select, and_, exists, func, select, text
from sqlalchemy.orm import Session

from db.models import Base

_MAX_LINES = 20


def broken(session: Session) -> Iterator[str]:
    """Yields a sentence for each thing that is broken; reads the whole database."""
    if session.get_bind().dialect.name == "sqlite":
        lines = session.execute(text(f"PRAGMA integrity_check({_MAX_LINES})")).scalars()
        yield from (f"SQLite finds: {line}" for line in lines if line != "ok")
    for table in Base.metadata.sorted_tables:
        for key in sorted(table.foreign_key_constraints, key=lambda each: str(each.name)):
            if n := session.execute(_n_without_parent(key)).scalar_one():
                columns = ", ".join(key.column_keys)
                yield (
                    f"{n} rows of {table.name} refer by {columns} to rows of "
                    f"{key.referred_table.name} that are not there"
                )


def _n_without_parent(key: ForeignKeyConstraint) -> Select[int]:
    """Returns the query that counts the rows whose reference names no row."""
    parent = key.referred_table.alias()
    same = [parent.c[part.column.key] == part.parent for part in key.elements]
    set_ = [part.parent.is_not(None) for part in key.elements]
    missing = ~exists(select(1).select_from(parent).where(*same))
    return select(func.count()).select_from(key.table).where(and_(*set_), missing)
