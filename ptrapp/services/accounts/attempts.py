"""Bounds wrong passwords: by whose they are and by address, over a quarter of an hour."""

import time
from collections import deque
from collections.abc import Callable, Hashable
from threading import Lock

from ptrapp.core.counts import counted
from ptrapp.core.errors import TooMuch

WINDOW_S = 900.0
"""Seconds after which a wrong attempt is forgotten."""
PER_NAME_AND_ADDRESS = 5
"""A person who mistypes; with ten characters nobody guesses in so few."""
PER_ADDRESS = 30
"""Several people behind one address."""
PER_NAME = 50
"""Many addresses that try one name; high, so that strangers do not lock its owner out at once."""
_MOST_KEYS = 10_000
"""Keys that are remembered; the oldest is dropped then."""


class Attempts:
    """The wrong attempts of late, in this process, on a clock that never steps back.

    An attempt counts as wrong while its password is checked, so that no number of them at once is
    let through.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[Hashable, deque[float]] = {}
        self._lock = Lock()

    def begin(self, who: str, address: str) -> None:
        """Counts an attempt as wrong. Raises `TooMuch` where there were too many, and counts none.

        `who` is the identity of whom the password would let in, or a name that nobody has.
        """
        with self._lock:
            for key, limit in self._keys(who, address):
                wrong = self._wrong.get(key, deque())
                while wrong and wrong[0] < self._clock() - WINDOW_S:
                    wrong.popleft()
                if len(wrong) >= limit:
                    minutes = int((wrong[0] + WINDOW_S - self._clock()) // 60) + 1
                    raise TooMuch(
                        f"Too many wrong passwords; try again in {counted(minutes, 'minute')}, or "
                        "ask an admin for a link."
                    )
            for key, _ in self._keys(who, address):
                self._wrong.setdefault(key, deque()).append(self._clock())
            while len(self._wrong) > _MOST_KEYS:
                self._wrong.pop(next(iter(self._wrong)))

    def was_right(self, who: str, address: str) -> None:
        """Takes an attempt back, and forgets the wrong ones of who is in now at this address."""
        with self._lock:
            for key, _ in self._keys(who, address):
                if wrong := self._wrong.get(key):
                    wrong.pop()
            self._wrong.pop(("both", who.casefold(), address), None)

    @staticmethod
    def _keys(who: str, address: str) -> tuple[tuple[Hashable, int], ...]:
        named = who.casefold()
        return (
            (("both", named, address), PER_NAME_AND_ADDRESS),
            (("address", address), PER_ADDRESS),
            (("name", named), PER_NAME),
        )
