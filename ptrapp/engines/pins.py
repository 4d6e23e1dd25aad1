"""Counts the users of adapter versions, so that a retired one is unloaded after its last use."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ptrapp.core.errors import AdapterRejected, PolicyMissing
from ptrapp.core.types import Policy


class Pins:
    """Tracks versions: published, then retiring, then unloaded once nothing pins or holds them.

    Safe to use from any thread; `unload` is called from the thread of the last user.
    """

    def __init__(self, unload: Callable[[str], None]):
        self._unload = unload
        self._lock = threading.Lock()
        self._used: dict[str, Path] = {}
        """Every name ever published, and its folder."""
        self._published: set[str] = set()
        self._retiring: set[str] = set()
        self._pins: Counter[str | None] = Counter()
        """By trajectories, which may start further requests of a retiring version."""
        self._holds: Counter[str | None] = Counter()
        """By requests under way, which only keep the weights loaded."""

    def published(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._published)

    def loaded(self) -> dict[str, Path]:
        """Returns the versions whose weights are needed, retiring ones included, by name."""
        with self._lock:
            return {name: self._used[name] for name in self._published | self._retiring}

    @contextmanager
    def publishing(self, name: str, path: Path) -> Iterator[bool]:
        """Reserves `name` while its weights are loaded, and publishes it if that succeeds.

        Yields whether they must be loaded: those of a retiring version still are. A rollback
        publishes a retired version again from its own folder, which never changes. Raises
        `AdapterRejected` when the name belongs to another folder (whose KV may still be cached) or
        is published.
        """
        with self._lock:
            known = self._used.get(name)
            if known not in (None, path) or name in self._published:
                raise AdapterRejected(
                    f"The adapter name {name!r} was used before; names are never used again. "
                    "Publish this version under a new one."
                )
            self._used[name] = path
            retiring = name in self._retiring
            if retiring:
                self._retiring.discard(name)
                self._published.add(name)
        if retiring:
            yield False
            return
        loaded = False
        try:
            yield True
            loaded = True
        finally:
            with self._lock:
                if loaded:
                    self._published.add(name)
                elif known is None:
                    del self._used[name]

    @contextmanager
    def pin(self, policy: Policy) -> Iterator[None]:
        """Keeps the version while the context is open. Raises `PolicyMissing` if it is retired."""
        with self._lock:
            if policy.adapter is not None and policy.adapter not in self._published:
                raise _missing(policy)
            self._pins[policy.adapter] += 1
        try:
            yield
        finally:
            self._decrement(self._pins, policy.adapter)

    def hold(self, policy: Policy) -> None:
        """Begins a request, of a retiring version only under a pin; it must end with `release`.

        Raises `PolicyMissing`.
        """
        name = policy.adapter
        with self._lock:
            if name not in {None} | self._published and not self._pins[name]:
                raise _missing(policy)
            self._holds[name] += 1

    def release(self, policy: Policy) -> None:
        self._decrement(self._holds, policy.adapter)

    def retire(self, name: str) -> None:
        """Accepts no new users of the version. A name that is not published is ignored."""
        with self._lock:
            if name not in self._published:
                return
            self._published.discard(name)
            self._retiring.add(name)
            free = self._free(name)
        if free is not None:
            self._unload(free)

    def _decrement(self, counts: Counter[str | None], name: str | None) -> None:
        with self._lock:
            counts[name] -= 1
            free = self._free(name)
        if free is not None:
            self._unload(free)

    def _free(self, name: str | None) -> str | None:
        """Removes and returns a retiring version that has no users. Needs the lock."""
        if name is None or name not in self._retiring or self._pins[name] or self._holds[name]:
            return None
        self._retiring.discard(name)
        return name


def _missing(policy: Policy) -> PolicyMissing:
    return PolicyMissing(
        f"The adapter {policy.label!r} is not published on this engine. Publish it first, "
        "or ask for a version that is being served."
    )
