"""What finished rows left in the KV cache, kept for the round that reads on from there."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from ptrapp.engines.local.kv import Kv

KEPT_BYTES = 512 * 2**20
"""The most that is kept, the least recently used going first. 16 people with five rounds of the
bundled model are 80 MB; a trajectory of 2,000 tokens is 65 MB on a 1B model and 115 MB on a 7B one:
a person's last rounds stay, and the weights keep the rest of the memory."""
LEAST_TOKENS = 16
"""A shorter common beginning (a template's first words) is read again: copying it costs as much."""


class _Key(NamedTuple):
    adapter: str | None
    token_ids: tuple[int, ...]


class Prefixes:
    """KV by adapter version and token ids; valid for exactly this version and beginning.

    Only the owner thread may touch it.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES):
        self._most_bytes = most_bytes
        self._kept: OrderedDict[_Key, Kv] = OrderedDict()
        """Least recently used first."""
        self.n_bytes = 0
        self.n_reused = 0
        """Tokens that did not have to be read, since the start."""

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, adapter: str | None, token_ids: Sequence[int], kv: Kv) -> None:
        """Remember the KV of `token_ids`, one that begins like it being no longer needed."""
        key = _Key(adapter, tuple(token_ids))
        if kv.n_bytes > self._most_bytes or kv.n_tokens < LEAST_TOKENS:
            return
        for other in list(self._kept):
            if other.adapter == adapter and key.token_ids[: len(other.token_ids)] == other[1]:
                self._drop(other)
        self._kept[key] = kv.copy()
        self.n_bytes += kv.n_bytes
        while self.n_bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def find(self, adapter: str | None, token_ids: Sequence[int]) -> Kv | None:
        """The KV of the longest known beginning; the last token is always left to be read."""
        wanted = tuple(token_ids[:-1])
        longest, best = LEAST_TOKENS - 1, None
        for key in self._kept:
            if key.adapter == adapter and key.token_ids[: longest + 1] == wanted[: longest + 1]:
                length = _n_common(key.token_ids, wanted)
                if length > longest:
                    longest, best = length, key
        if best is None:
            return None
        self._kept.move_to_end(best)
        self.n_reused += longest
        return self._kept[best].first(longest)

    def forget(self, adapter: str | None) -> None:
        """Free what this version left."""
        for key in [key for key in self._kept if key.adapter == adapter]:
            self._drop(key)

    def clear(self) -> None:
        self._kept.clear()
        self.n_bytes = 0

    def _drop(self, key: _Key) -> None:
        self.n_bytes -= self._kept.pop(key).n_bytes


def _n_common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
