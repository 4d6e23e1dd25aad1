"""Which adapter versions may be asked for, and who still needs them."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ptrapp.core.errors import AdapterRejected, PolicyMissing
from ptrapp.core.types import Policy


class Pins:
    """A version is published, then perhaps retiring, then gone; `unload` runs once nobody has it.

    Safe to use from any thread; `unload` is called from the thread of the last user.
    """

    def __init__(self, unload: Callable[[str], None]):
        self._unload = unload
        self._lock = threading.Lock()
        self._used: dict[str, Path] = {}
        """Every name ever published and the folder it stands for."""
        self._published: set[str] = set()
        self._retiring: set[str] = set()
        self._pins: Counter[str | None] = Counter()
        """Trajectories: they may go on asking for a version that is retiring."""
        self._holds: Counter[str | None] = Counter()
        """Requests being answered: they only keep the weights in place."""

    def published(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._published)

    @contextmanager
    def publishing(self, name: str, path: Path) -> Iterator[bool]:
        """Reserve `name` while its weights are loaded and publish it if that succeeds.

        Yields whether they must be loaded: a version that is still retiring has them. Rolling back
        publishes a retired version again from its own folder, which never changes. Raises
        `AdapterRejected` when the name stands for another folder (a cache may still know that
        one) or is published.
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
        """Keep the version while the context is open. Raises `PolicyMissing` once it is retired."""
        with self._lock:
            if policy.adapter is not None and policy.adapter not in self._published:
                raise _missing(policy)
            self._pins[policy.adapter] += 1
        try:
            yield
        finally:
            self._give_back(self._pins, policy.adapter)

    def hold(self, policy: Policy) -> None:
        """Begin a request, of a retiring version only under a pin. Whoever holds must `release`.

        Raises `PolicyMissing`.
        """
        name = policy.adapter
        with self._lock:
            if name not in {None} | self._published and not self._pins[name]:
                raise _missing(policy)
            self._holds[name] += 1

    def release(self, policy: Policy) -> None:
        self._give_back(self._holds, policy.adapter)

    def retire(self, name: str) -> None:
        """Let nobody new have the version. A name that is not published is left alone."""
        with self._lock:
            if name not in self._published:
                return
            self._published.discard(name)
            self._retiring.add(name)
            free = self._free(name)
        if free is not None:
            self._unload(free)

    def _give_back(self, counts: Counter[str | None], name: str | None) -> None:
        with self._lock:
            counts[name] -= 1
            free = self._free(name)
        if free is not None:
            self._unload(free)

    def _free(self, name: str | None) -> str | None:
        """Take the version off the list when it is retiring and nobody has it. Needs the lock."""
        if name is None or name not in self._retiring or self._pins[name] or self._holds[name]:
            return None
        self._retiring.discard(name)
        return name


def _missing(policy: Policy) -> PolicyMissing:
    return PolicyMissing(
        f"The adapter {policy.label!r} is not published on this engine. Publish it first, "
        "or ask for a version that is being served."
    )
