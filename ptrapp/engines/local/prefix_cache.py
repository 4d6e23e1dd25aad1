"""Keeps the KV of finished rows, so that a later round need not read its beginning again."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from ptrapp.engines.local.kv import Kv

MAX_BYTES = 512 * 2**20
"""Size limit; the least recently used goes first. 16 people with five rounds of the bundled model
are 80 MB; a trajectory of 2,000 tokens is 65 MB on a 1B model and 115 MB on a 7B one: a person's
last rounds stay, and the rest of the memory is left to the weights."""
MIN_TOKENS = 16
"""A shorter common prefix (a template's first words) is read again: copying it costs as much."""


class _Key(NamedTuple):
    adapter: str | None
    token_ids: tuple[int, ...]


class PrefixCache:
    """KV by adapter version and token ids; valid for exactly this version and prefix.

    Only the model thread may use it.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self._max_bytes = max_bytes
        self._entries: OrderedDict[_Key, Kv] = OrderedDict()
        """Least recently used first."""
        self.n_bytes = 0
        self.n_reused = 0
        """Tokens taken from the cache instead of being read, since the start."""

    def __len__(self) -> int:
        return len(self._entries)

    def store(self, adapter: str | None, token_ids: Sequence[int], kv: Kv) -> None:
        """Stores the KV of `token_ids` and drops entries that are a prefix of it."""
        key = _Key(adapter, tuple(token_ids))
        if kv.n_bytes > self._max_bytes or kv.n_tokens < MIN_TOKENS:
            return
        for other in list(self._entries):
            if other.adapter == adapter and key.token_ids[: len(other.token_ids)] == other[1]:
                self._drop(other)
        self._entries[key] = kv.copy()
        self.n_bytes += kv.n_bytes
        while self.n_bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def find(self, adapter: str | None, token_ids: Sequence[int]) -> Kv | None:
        """Returns the KV of the longest cached prefix; the last token is always left to be read."""
        wanted = tuple(token_ids[:-1])
        longest, best = MIN_TOKENS - 1, None
        for key in self._entries:
            if key.adapter == adapter and key.token_ids[: longest + 1] == wanted[: longest + 1]:
                length = _n_common(key.token_ids, wanted)
                if length > longest:
                    longest, best = length, key
        if best is None:
            return None
        self._entries.move_to_end(best)
        self.n_reused += longest
        return self._entries[best].first(longest)

    def drop_adapter(self, adapter: str | None) -> None:
        """Drops all entries of this version."""
        for key in [key for key in self._entries if key.adapter == adapter]:
            self._drop(key)

    def clear(self) -> None:
        self._entries.clear()
        self.n_bytes = 0

    def _drop(self, key: _Key) -> None:
        self.n_bytes -= self._entries.pop(key).n_bytes


def _n_common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
