"""Bounds wrong passwords: by whose they are and by address, over a quarter of an hour."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from db.people import used
from db.storage.session import Session
from ptrapp.core.counts import counted
from ptrapp.core.errors import TooMuch
from ptrapp.services.context import DataContext

WINDOW_S = 900.0
"""Seconds after which a wrong attempt is forgotten."""
PER_NAME_AND_ADDRESS = 5
"""A person who mistypes; with ten characters nobody guesses in so few."""
PER_ADDRESS = 30
"""Several people behind one address."""
PER_NAME = 50
"""Many addresses that try one name; high, so that strangers do not lock its owner out at once."""
_TRANSLATED = ip_network("64:ff9b::/96")
"""Addresses of IPv4 behind a translator (RFC 6052)."""


class Attempt(NamedTuple):
    """A password that is being checked."""

    rows: list[int]
    of_both: str
    """The bound of whom it would let in at this address."""


def begin(context: DataContext, who: str, address: str) -> Attempt:
    """Counts an attempt as wrong while its password is checked, so that no number of them at once
    is let through. Raises `TooMuch` where there were too many, and counts none.

    `who` is the identity of whom the password would let in, or a name that nobody has.
    """
    of_both, of_name = _keys(who, address)
    bounds = {
        of_both: PER_NAME_AND_ADDRESS,
        f"password at {_network(address)}": PER_ADDRESS,
        of_name: PER_NAME,
    }
    with context.database.read() as session:  # who is refused over and over makes nobody wait
        lacks = used.full(session, bounds, 1, WINDOW_S)
    if lacks is None:
        with context.database.write(durable=False) as session:
            taken = used.take(session, bounds, 1, WINDOW_S)
        if not isinstance(taken, used.Full):
            return Attempt(taken, of_both)
        lacks = taken
    minutes = int(lacks.wait_s // 60) + 1
    raise TooMuch(
        f"Too many wrong passwords; try again in {counted(minutes, 'minute')}, or ask an admin for "
        "a link and set a new password on the page that it opens."
    )


def was_right(context: DataContext, attempt: Attempt) -> None:
    """Takes an attempt back, and forgets the wrong ones of who is in now at this address."""
    with context.database.write(durable=False) as session:
        used.give_back(session, attempt.rows, emptied=attempt.of_both)


def forget(session: Session, who: str, address: str) -> None:
    """Forgets the wrong attempts of somebody whom a link let in at this address."""
    used.empty(session, _keys(who, address))


def _keys(who: str, address: str) -> tuple[str, str]:
    """Returns the bounds of a name at an address, and of the name anywhere."""
    named = who.casefold()
    return f"password of {named!r} at {_network(address)}", f"password of {named!r}"


def _network(address: str) -> str:
    """Returns the address, of IPv6 the 64 bits that one customer has whole: 2⁶⁴ addresses."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None or parsed in _TRANSLATED:
        return str(IPv4Address(int(parsed) & 0xFFFF_FFFF))
    return str(ip_network((int(parsed) >> 64 << 64, 64)))
