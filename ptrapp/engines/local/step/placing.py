"""A batch's place in static buffers: taken when it decodes, changed when its size does."""

from collections.abc import Sequence

from torch import Tensor
from transformers import DynamicCache

from ptrapp.engines.local.kv import PreallocatedLayer
from ptrapp.engines.local.step.graphs import GraphPool, StaticBuffers, n_rows_for
from ptrapp.engines.local.step.lora import LoraDeltas


class Placement:
    """Where one batch's cache lies; its layers are views of the buffers, but for the columns that
    were written since `settle`."""

    def __init__(self, pool: GraphPool, adapter: str | None, deltas: LoraDeltas | None):
        self._pool, self._adapter, self._deltas = pool, adapter, deltas
        self._buffers: StaticBuffers | None = None
        self._cache: DynamicCache | None = None
        self._width = 0

    def width(self, cache: DynamicCache) -> int:
        """Returns the number of columns of the batch's cache."""
        return self._width if cache is self._cache else int(cache.get_seq_length())

    def decode(
        self, cache: DynamicCache, ids: Sequence[int], lengths: Sequence[int]
    ) -> Tensor | None:
        """Reads each row's last id; returns the logits (B, V), or None when there is no place.

        `lengths` are the rows' tokens before it.
        """
        buffers = self._place(cache, len(ids))
        if buffers is None:
            return None
        logits = buffers.decode(ids, lengths, self._width)
        self._width += 1
        return logits

    def settle(self) -> None:
        """Has the cache's layers show all columns that were written."""
        if self._cache is not None:
            for layer in self._cache.layers:
                assert isinstance(layer, PreallocatedLayer)
                layer.show(self._width)

    def leave(self) -> None:
        """Gives the buffers back. The batch must have copied what it still needs."""
        if self._buffers is not None:
            self._buffers.take_back()
        self._buffers = self._cache = None

    def _move_out(self, cache: DynamicCache) -> None:
        """Gives the buffers back while the batch goes on in memory of its own."""
        if cache is self._cache:
            for number, layer in enumerate(cache.layers):
                assert isinstance(layer, PreallocatedLayer)
                assert layer.keys is not None
                assert layer.values is not None
                own = (layer.keys.clone(), layer.values.clone())
                cache.layers[number] = PreallocatedLayer(*own, self._width)
        self.leave()

    def _place(self, cache: DynamicCache, n_rows: int) -> StaticBuffers | None:
        buffers = self._buffers
        if buffers is not None and cache is self._cache:
            if n_rows_for(n_rows) == buffers.n_rows and self._width < buffers.n_columns:
                return buffers
            self.settle()
        width = self.width(cache)
        taken = self._pool.take(self._adapter, self._deltas, n_rows, width)
        if taken is None:
            self._move_out(cache)
            return None
        taken.give(self)
        taken.place(cache, n_rows)
        if buffers is not None:
            buffers.take_back()
        self._buffers, self._cache, self._width = taken, cache, width
        return taken
