"""Stores keys and values of single token sequences and stacks them to the cache of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_SPARE_COLUMNS = 64
"""Columns allocated ahead. `DynamicLayer` copies everything at every token: as much memory traffic
as the weights of a small model, once eight answers are long."""


@dataclass(frozen=True, slots=True, eq=False)
class Kv:
    """The KV of one token sequence (or a few): for each layer keys and values, (1, H, n, D)."""

    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def n_tokens(self) -> int:
        return int(self.layers[0][0].shape[2])

    @property
    def n_bytes(self) -> int:
        return sum(part.nbytes for layer in self.layers for part in layer)

    def first(self, n_tokens: int) -> "Kv":
        """Returns a view of the first tokens' KV, which do not depend on later tokens."""
        return Kv(tuple((k[:, :, :n_tokens], v[:, :, :n_tokens]) for k, v in self.layers))

    def copy(self) -> "Kv":
        """Returns a copy that shares no memory."""
        return Kv(tuple((k.clone(), v.clone()) for k, v in self.layers))


class PreallocatedLayer(DynamicLayer):
    """A layer with memory for the next tokens, so that adding a token copies nothing."""

    def __init__(self, keys: Tensor, values: Tensor, n_columns: int):
        """Takes over buffers (B, H, at least `n_columns`, D), of which `n_columns` are filled."""
        super().__init__()
        self.dtype, self.device = keys.dtype, keys.device
        self._buffers = (keys, values)
        self.keys, self.values = keys[:, :, :n_columns], values[:, :, :n_columns]
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        before = self.get_seq_length()
        after = before + key_states.shape[2]
        keys, values = (_grown(one, before, after) for one in self._buffers)
        self._buffers = (keys, values)
        keys[:, :, before:after] = key_states
        values[:, :, before:after] = value_states
        self.keys, self.values = keys[:, :, :after], values[:, :, :after]
        return self.keys, self.values

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Adds one token of each row, (B, H, D), and returns what `update` does, in few calls."""
        assert self.keys is not None
        before = self.keys.shape[2]
        if before == self._buffers[0].shape[2]:
            return self.update(keys[:, :, None], values[:, :, None])
        for buffer, new in zip(self._buffers, (keys, values), strict=True):
            buffer.select(2, before).copy_(new)
        self.keys, self.values = (buffer.narrow(2, 0, before + 1) for buffer in self._buffers)
        return self.keys, self.values

    def show(self, n_columns: int) -> None:
        """Counts columns that were written into the buffers directly."""
        self.keys, self.values = (buffer[:, :, :n_columns] for buffer in self._buffers)

    def shrink(self, n_rows: int, moves: Sequence[tuple[int, int]]) -> None:
        """Moves rows, each (to, from), and then keeps the first `n_rows`."""
        for buffer in self._buffers:
            for to, origin in moves:
                buffer[to] = buffer[origin]
        n_columns = self.get_seq_length()
        keys, values = (buffer[:n_rows] for buffer in self._buffers)
        self._buffers = (keys, values)
        self.show(n_columns)


def stack_rows(
    sequences: Sequence[tuple[Kv | None, int]],
    width: int,
    *,
    old: DynamicCache | None = None,
    kept: Sequence[int] = (),
    spare: int = _SPARE_COLUMNS,
) -> DynamicCache:
    """Returns a cache of `width` columns: rows `kept` of `old`, then each sequence n times.

    Rows end at the last column; the columns before a shorter one are zero and must be masked, and
    columns of `old` that no kept row needs are dropped. `None` is an empty sequence.
    """
    olds = slice_kv(old, slice(None)).layers if old and kept else ()
    known = [kv.layers for kv, _ in sequences if kv]
    cache = DynamicCache()
    n_rows = len(kept) + sum(n for _, n in sequences)
    for number, pair in enumerate(olds or known[0]):
        buffers = []
        for side, like in enumerate(pair):
            buffer = like.new_zeros(n_rows, like.shape[1], width + spare, like.shape[3])
            if olds:
                w = min(like.shape[2], width)
                index = torch.tensor(kept, device=like.device)
                buffer[: len(kept), :, width - w : width] = like[index, :, like.shape[2] - w :]
            row = len(kept)
            for kv, n in sequences:
                if kv:
                    own = kv.layers[number][side]
                    buffer[row : row + n, :, width - own.shape[2] : width] = own
                row += n
            buffers.append(buffer)
        cache.layers.append(PreallocatedLayer(buffers[0], buffers[1], width))
    return cache


def slice_kv(
    cache: DynamicCache, rows: slice, spans: Sequence[tuple[int, int | None]] = ((0, None),)
) -> Kv:
    """Returns the KV of some rows and of the columns in `spans`, (begin, end); a view if one."""

    def cut(side: Tensor) -> Tensor:
        parts = [side[rows, :, begin:end] for begin, end in spans if begin != end]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    layers: Any = cache.layers
    return Kv(tuple((cut(layer.keys), cut(layer.values)) for layer in layers))


def _grown(buffer: Tensor, n_written: int, n_columns: int) -> Tensor:
    """Returns the buffer if it has `n_columns`, or a wider copy of its filled columns."""
    if n_columns <= buffer.shape[2]:
        return buffer
    n_rows, n_heads, _, size = buffer.shape
    wider = buffer.new_zeros(n_rows, n_heads, n_columns + _SPARE_COLUMNS, size)
    wider[:, :, :n_written] = buffer[:, :, :n_written]
    return wider
