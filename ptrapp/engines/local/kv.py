"""Keys and values: of one token sequence, and of many side by side as a model wants them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_ROOM = 64
"""Columns laid out ahead. `DynamicLayer` copies everything at every token: as much memory traffic
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
        """The KV of the first tokens, which do not depend on those behind them. A view."""
        return Kv(tuple((k[:, :, :n_tokens], v[:, :, :n_tokens]) for k, v in self.layers))

    def copy(self) -> "Kv":
        """A copy that keeps nothing else alive."""
        return Kv(tuple((k.clone(), v.clone()) for k, v in self.layers))


class RoomyLayer(DynamicLayer):
    """A layer that has room for the next tokens, so that they are written and nothing is copied."""

    def __init__(self, keys: Tensor, values: Tensor, n_columns: int):
        """Own the buffers (B, H, `n_columns` and more, D), of which `n_columns` are written."""
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
        keys, values = (_with_room(one, before, after) for one in self._buffers)
        self._buffers = (keys, values)
        keys[:, :, before:after] = key_states
        values[:, :, before:after] = value_states
        self.keys, self.values = keys[:, :, :after], values[:, :, :after]
        return self.keys, self.values

    def shrink(self, n_rows: int, moves: Sequence[tuple[int, int]]) -> None:
        """Keep the first `n_rows` rows, after rows were moved, each (to, from)."""
        for buffer in self._buffers:
            for to, origin in moves:
                buffer[to] = buffer[origin]
        n_columns = self.get_seq_length()
        keys, values = (buffer[:n_rows] for buffer in self._buffers)
        self._buffers = (keys, values)
        self.keys, self.values = keys[:, :, :n_columns], values[:, :, :n_columns]


def side_by_side(
    sequences: Sequence[tuple[Kv | None, int]],
    width: int,
    *,
    old: DynamicCache | None = None,
    kept: Sequence[int] = (),
    room: int = _ROOM,
) -> DynamicCache:
    """Return a cache of `width` columns: rows `kept` of `old`, then each sequence so many times.

    Rows end at the last column; what stands left of a shorter one is zero and has to be masked,
    and columns of `old` that no kept row needs are left behind. `None` is an empty sequence.
    """
    olds = cut_out(old, slice(None)).layers if old and kept else ()
    known = [kv.layers for kv, _ in sequences if kv]
    cache = DynamicCache()
    n_rows = len(kept) + sum(n for _, n in sequences)
    for place, pair in enumerate(olds or known[0]):
        buffers = []
        for side, like in enumerate(pair):
            buffer = like.new_zeros(n_rows, like.shape[1], width + room, like.shape[3])
            if olds:
                w = min(like.shape[2], width)
                index = torch.tensor(kept, device=like.device)
                buffer[: len(kept), :, width - w : width] = like[index, :, like.shape[2] - w :]
            row = len(kept)
            for kv, n in sequences:
                if kv:
                    own = kv.layers[place][side]
                    buffer[row : row + n, :, width - own.shape[2] : width] = own
                row += n
            buffers.append(buffer)
        cache.layers.append(RoomyLayer(buffers[0], buffers[1], width))
    return cache


def cut_out(
    cache: DynamicCache, rows: slice, spans: Sequence[tuple[int, int | None]] = ((0, None),)
) -> Kv:
    """The KV of some rows, of the columns in `spans` from first to one past; a view if it can."""

    def cut(side: Tensor) -> Tensor:
        parts = [side[rows, :, begin:end] for begin, end in spans if begin != end]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    layers: Any = cache.layers
    return Kv(tuple((cut(layer.keys), cut(layer.values)) for layer in layers))


def _with_room(buffer: Tensor, n_written: int, n_columns: int) -> Tensor:
    """The same buffer if it holds so many columns, or a wider one with what is written."""
    if n_columns <= buffer.shape[2]:
        return buffer
    n_rows, n_heads, _, size = buffer.shape
    wider = buffer.new_zeros(n_rows, n_heads, n_columns + _ROOM, size)
    wider[:, :, :n_written] = buffer[:, :, :n_written]
    return wider
