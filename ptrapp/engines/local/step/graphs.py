"""Decodes on CUDA by captured graphs: static buffers for so many rows and columns, filled in place.

A launch costs a GPU's driver more than a small model's kernel takes; a graph launches all of a
step's at once. On any other device the same step over the same buffers runs eagerly.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import DynamicCache

from ptrapp.engines.local.kv import PreallocatedLayer
from ptrapp.engines.local.step.lora import LoraDeltas
from ptrapp.engines.local.step.plain import PlainStep, grouped_attention

ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SPARE_COLUMNS = 64
"""At least so many are free when a batch is placed: soon after it would have to move again."""
MAX_TOKENS = 131_072
"""Columns times rows of all buffers together, twice what one batch may have."""
_ATTENTION = [SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Kernels of PyTorch that take a mask and can be captured."""


def n_rows_for(n_rows: int) -> int:
    """Returns the size of the buffers for so many rows."""
    return next((size for size in ROWS if size >= n_rows), n_rows)


def n_columns_for(n_columns: int) -> int:
    """Returns the size of the buffers for so many columns: steps of 256, from 2,048 on of 1,024."""
    wanted = n_columns + SPARE_COLUMNS
    step = 256 if wanted <= 2048 else 1024
    return -(-wanted // step) * step


class StaticBuffers:
    """One size of batch: its inputs, its cache, its logits, and the graph between them."""

    def __init__(self, step: PlainStep, deltas: LoraDeltas | None, n_rows: int, n_columns: int):
        layout = step.layout
        like = layout.embedding
        self.n_rows, self.n_columns = n_rows, n_columns
        self._user: weakref.ref[Any] | None = None
        self._step, self._deltas = step, deltas
        shape = (n_rows, layout.n_kv_heads, n_columns, layout.head_size)
        self._keys = [like.new_zeros(shape) for _ in layout.blocks]
        self._values = [like.new_zeros(shape) for _ in layout.blocks]
        self._inputs = torch.zeros(4, n_rows, dtype=torch.long, device=like.device)
        """Ids, positions, first columns, and the column to be written."""
        on_cuda = like.device.type == "cuda"
        self._staging = torch.zeros(4, n_rows, dtype=torch.long, pin_memory=on_cuda)
        self._graph: Any = self._capture() if on_cuda else None

    @property
    def is_free(self) -> bool:
        """Whether no batch has its rows here, or the one that had is gone."""
        return self._user is None or self._user() is None

    def give(self, user: object) -> None:
        """Gives these buffers to a batch."""
        self._user = weakref.ref(user)

    def take_back(self) -> None:
        """Frees them; whoever had them must have copied what it still needs."""
        self._user = None

    def place(self, cache: DynamicCache, n_rows: int) -> None:
        """Copies a batch's cache here; its layers become views of these buffers."""
        width = cache.get_seq_length()
        for number, layer in enumerate(cache.layers):
            assert isinstance(layer, PreallocatedLayer)
            assert layer.keys is not None
            assert layer.values is not None
            keys, values = self._keys[number][:n_rows], self._values[number][:n_rows]
            keys[:, :, :width] = layer.keys
            values[:, :, :width] = layer.values
            cache.layers[number] = PreallocatedLayer(keys, values, width)

    def decode(self, ids: Sequence[int], lengths: Sequence[int], width: int) -> Tensor:
        """Reads each row's last id into column `width`; returns the logits (B, V).

        `lengths` are the rows' tokens before it. The logits are overwritten by the next call.
        """
        n_rows = len(ids)
        staging = self._staging
        staging[:2].zero_()
        staging[2:].fill_(width)  # rows of nobody see the new column alone
        staging[0, :n_rows] = torch.tensor(ids)
        staging[1, :n_rows] = torch.tensor(lengths)
        staging[2, :n_rows] -= staging[1, :n_rows]
        self._inputs.copy_(staging, non_blocking=True)
        if self._graph is None:
            self._logits = self._run()
        else:
            self._graph.replay()
        return self._logits[:n_rows]

    def _run(self) -> Tensor:
        """Runs the step. Nothing depends on a value: each call is the same kernels."""
        layout = self._step.layout
        ids, positions, first, column = self._inputs
        column = column[:1]
        columns = torch.arange(self.n_columns, device=ids.device)
        hidden = (columns < first[:, None]) | (columns > column)  # (B, C)
        mask = torch.zeros(hidden.shape, dtype=layout.embedding.dtype, device=ids.device)
        mask = mask.masked_fill(hidden, -torch.inf)[:, None, None]  # (B, 1, 1, C)

        def attend(number: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            self._keys[number].index_copy_(2, column, keys.transpose(1, 2))
            self._values[number].index_copy_(2, column, values.transpose(1, 2))
            all_keys, all_values = self._keys[number], self._values[number]
            return grouped_attention(queries, all_keys, all_values, mask, layout.scaling)

        return self._step(ids[:, None], positions[:, None], attend, self._deltas)

    def _capture(self) -> Any:
        """Captures the step; what it writes meanwhile is overwritten when a batch is placed."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), sdpa_kernel(_ATTENTION):
            for _ in range(2):  # compiles and chooses kernels, which a capture must not
                self._run()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"), sdpa_kernel(_ATTENTION):
            self._logits = self._run()
        return graph


class GraphPool:
    """The buffers of an engine, by version and size; a batch that ends leaves its own to others."""

    def __init__(self, step: PlainStep):
        self._step = step
        self._buffers: list[tuple[str | None, StaticBuffers]] = []
        """Least recently taken first."""

    def take(
        self, adapter: str | None, deltas: LoraDeltas | None, n_rows: int, width: int
    ) -> StaticBuffers | None:
        """Returns free buffers for so many rows and columns; None when there is no memory for
        them."""
        size = (n_rows_for(n_rows), n_columns_for(width))
        for at, (version, one) in enumerate(self._buffers):
            if version == adapter and one.is_free and (one.n_rows, one.n_columns) == size:
                self._buffers.append(self._buffers.pop(at))
                return one
        while self._n_tokens() + size[0] * size[1] > MAX_TOKENS:
            free = next((at for at, (_, one) in enumerate(self._buffers) if one.is_free), None)
            if free is None:
                return None
            del self._buffers[free]
        try:
            made = StaticBuffers(self._step, deltas, *size)
        except torch.OutOfMemoryError:
            return None
        self._buffers.append((adapter, made))
        return made

    def drop_adapter(self, adapter: str | None) -> None:
        """Drops all buffers of this version."""
        self._buffers = [pair for pair in self._buffers if pair[0] != adapter]

    def _n_tokens(self) -> int:
        return sum(one.n_rows * one.n_columns for _, one in self._buffers)
