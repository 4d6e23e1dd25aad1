"""Counts what is used of bounds, such as passwords tried, for all apps on one database.

Times are the database's own: apps whose clocks differ count alike.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from db.models import Used
from db.people.secrets import hashed
from db.storage.dialects import clock, one_at_a_time

_LOCK = 0x7468_7573_6564
"""Of counting and using: two apps that both find room for one more would use it twice."""


class Full(NamedTuple):
    """That a bound has no room."""

    wait_s: float
    """Seconds until it has some."""


def full(session: Session, bounds: Mapping[str, int], amount: int, lasts_s: float) -> Full | None:
    """Returns how full the first bound is that has no room for this amount; None where all have.

    `bounds` are keys and the most that may be in use of each at once.
    """
    at = session.execute(select(clock())).scalar_one()
    in_use = (
        select(func.coalesce(func.sum(Used.amount), 0), func.min(Used.until))
        # what a clock that stepped back would keep for longer counts no more
        .where(Used.until > at, Used.until <= at + lasts_s)
    )
    for key, most in bounds.items():
        n, until = session.execute(in_use.where(Used.key == hashed(key))).one()
        if n + amount > most:
            return Full((until or at) - at)
    return None


def take(
    session: Session, bounds: Mapping[str, int], amount: int, lasts_s: float
) -> list[int] | Full:
    """Uses an amount of every bound for a while, or of none where one has no room for it.

    Returns the ids of the rows, by which it is given back.
    """
    one_at_a_time(session, _LOCK)
    if lacks := full(session, bounds, amount, lasts_s):
        return lacks
    session.execute(delete(Used).where(Used.until <= clock()))
    until = session.execute(select(clock())).scalar_one() + lasts_s
    rows = [Used(key=hashed(key), amount=amount, until=until) for key in bounds]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def empty(session: Session, keys: Collection[str]) -> None:
    """Gives back whatever is used of these bounds."""
    one_at_a_time(session, _LOCK)
    session.execute(delete(Used).where(Used.key.in_([hashed(key) for key in keys])))


def give_back(session: Session, ids: list[int], emptied: str) -> None:
    """Takes back what was used by mistake, and empties one bound."""
    one_at_a_time(session, _LOCK)  # two that delete each other's rows would wait for each other
    session.execute(delete(Used).where(or_(Used.id.in_(ids), Used.key == hashed(emptied))))
