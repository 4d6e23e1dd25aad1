"""Decodes a batch step by step: prompts are read in chunks, rows decoded together, and rows join or
leave between two steps."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from ptrapp.engines.local.kv import Kv, PreallocatedLayer, slice_kv, stack_rows
from ptrapp.engines.local.prefix_cache import PrefixCache
from ptrapp.engines.local.rows import Row, draw_tokens
from ptrapp.engines.local.step.forward import ModelForward
from ptrapp.engines.local.step.graphs import GraphPool
from ptrapp.engines.local.step.placing import Placement


class ChunkSize:
    """Adapts the prompt tokens read in one step, so that rows do not wait long for their next."""

    TARGET_S = 0.1
    MIN_TOKENS, MAX_TOKENS = 128, 4096
    """Shorter chunks leave the processor idle; longer ones need much memory at once."""

    def __init__(self) -> None:
        self.n_tokens = 512

    def update(self, n_tokens: int, elapsed_s: float) -> None:
        """Adapts the size to the time that a chunk took, if it was at least half full."""
        if 2 * n_tokens >= self.n_tokens:
            fitting = int(n_tokens / max(elapsed_s, 1e-4) * self.TARGET_S)
            bounded = min(max(fitting, self.MIN_TOKENS), self.MAX_TOKENS)
            self.n_tokens = min(bounded, 2 * self.n_tokens)


@dataclass(slots=True)
class DecoderContext:
    """What all batches of one engine share."""

    model: PreTrainedModel
    eos_ids: Collection[int]
    forward: ModelForward
    graphs: GraphPool | None = None
    """Static buffers to decode in, where the device launches graphs."""
    prefix_cache: PrefixCache = field(default_factory=PrefixCache)
    chunk_size: ChunkSize = field(default_factory=ChunkSize)

    def place(self, adapter: str | None) -> Placement | None:
        """Returns a place for a batch of this version, where it can be decoded by graphs."""
        if self.graphs is None or not self.forward.steps(adapter):
            return None
        return Placement(self.graphs, adapter, self.forward.deltas(adapter))

    def drop_adapter(self, adapter: str) -> None:
        """Forgets whatever is kept of a version."""
        self.prefix_cache.drop_adapter(adapter)
        self.forward.unload(adapter)
        if self.graphs is not None:
            self.graphs.drop_adapter(adapter)


@dataclass(slots=True, eq=False)
class _Prompt:
    """A prompt being read for one or more rows."""

    token_ids: tuple[int, ...]
    rows: list[Row]
    kv: Kv | None = None
    looked_up: bool = False

    @property
    def n_read(self) -> int:
        return self.kv.n_tokens if self.kv else 0

    @property
    def n_unread(self) -> int:
        return len(self.token_ids) - self.n_read


class DecoderBatch:
    """Rows of one policy that share a KV cache. Only the model thread may use it, while the policy
    is active.

    Rows may join and leave between two steps. All rows end at the cache's last column; a mask hides
    the columns before a shorter one.
    """

    def __init__(self, context: DecoderContext, adapter: str | None):
        self._context = context
        self._adapter = adapter
        self._unread: list[_Prompt] = []
        self._rows: list[Row] = []
        """Rows in the cache, in its order."""
        self._cache: DynamicCache | None = None
        self._placement = context.place(adapter)
        self._has_read = False
        """Whether the last step read prompts: steps alternate between reading and decoding."""

    def add(self, rows: Sequence[Row]) -> None:
        """Adds rows; rows with the same prompt share its reading."""
        waiting = {prompt.token_ids: prompt for prompt in self._unread}
        for row in rows:
            if row.prompt not in waiting:
                waiting[row.prompt] = _Prompt(row.prompt, [])
                self._unread.append(waiting[row.prompt])
            waiting[row.prompt].rows.append(row)

    @torch.inference_mode()
    def drop(self, rows: Collection[Row]) -> None:
        """Removes rows whose requests were cancelled."""
        dropped = set(rows)
        for prompt in self._unread:
            prompt.rows = [row for row in prompt.rows if row not in dropped]
        self._unread = [prompt for prompt in self._unread if prompt.rows]
        self._rearrange([at for at, row in enumerate(self._rows) if row not in dropped], [])

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """Runs one forward; returns the rows that got a token, finished ones included."""
        self._has_read = bool(self._unread) and not (self._has_read and self._rows)
        return self._read_prompts() if self._has_read else self._decode_rows()

    def _decode_rows(self) -> list[Row]:
        decoded = list(self._rows)
        draw_tokens(decoded, self._decode(), self._context.eos_ids)
        if self._placement and any(row.finish is not None for row in decoded):
            self._placement.settle()
        for at, row in enumerate(decoded):
            if row.finish is not None:
                self._cache_prefix(at)
        self._rearrange([at for at, row in enumerate(decoded) if row.finish is None], [])
        return decoded

    def _decode(self) -> Tensor:
        """Reads each row's last token; returns the logits after it (B, V)."""
        assert self._cache is not None
        last = [row.token_ids[-1] for row in self._rows]
        lengths = self._lengths()
        if self._placement:
            logits = self._placement.decode(self._cache, last, lengths)
            if logits is not None:
                return logits
        device = self._context.model.device
        return self._context.forward(
            self._adapter,
            torch.tensor(last, device=device)[:, None],  # (B, 1)
            _mask([n + 1 for n in lengths], self._width() + 1, device),
            torch.tensor(lengths, device=device)[:, None],  # (B, 1)
            self._cache,
        )

    def _read_prompts(self) -> list[Row]:
        """Reads the next chunk of prompts; rows whose prompt is complete get their first token."""
        chunk, n_tokens = self._next_chunk()
        started = time.monotonic()
        logits = self._forward(chunk, n_tokens)  # (P, V)
        done = [at for at, prompt in enumerate(chunk) if not prompt.n_unread]
        rows = [row for at in done for row in chunk[at].rows]
        if rows:
            index = [at for at in done for _ in chunk[at].rows]
            draw_tokens(rows, logits[index], self._context.eos_ids)
            self._unread = [prompt for prompt in self._unread if prompt.n_unread]
        self._context.chunk_size.update(sum(n_tokens), time.monotonic() - started)
        joining = []
        for at in done:
            prompt = chunk[at]
            prompt.rows = [row for row in prompt.rows if row.finish is None]
            if prompt.rows:
                joining.append(prompt)
            elif prompt.kv:
                self._context.prefix_cache.store(self._adapter, prompt.token_ids, prompt.kv)
        self._rearrange(list(range(len(self._rows))), joining)
        return rows

    def _next_chunk(self) -> tuple[list[_Prompt], list[int]]:
        """Returns the prompts to read in one step, and how many tokens of each."""
        limit, chunk, widest = self._context.chunk_size.n_tokens, list[_Prompt](), 0
        for prompt in self._unread:
            if not prompt.looked_up:
                prompt.kv = self._context.prefix_cache.find(self._adapter, prompt.token_ids)
                prompt.looked_up = True
            widest = max(widest, prompt.n_unread)
            if chunk and widest * (len(chunk) + 1) > limit:
                break
            chunk.append(prompt)
        return chunk, [min(prompt.n_unread, limit) for prompt in chunk]

    def _forward(self, chunk: Sequence[_Prompt], n_tokens: Sequence[int]) -> Tensor:
        """Reads `n_tokens` more of each prompt; returns the logits after the last one (P, V).

        Worked example, two prompts, three tokens of the first read before, `.` being masked::

            read before | now
            a  b  c     | .  d  e
            .  .  .     | f  g  h
        """
        model = self._context.model
        n_read = [prompt.n_read for prompt in chunk]
        past, width = max(n_read), max(n_tokens)
        cache = (
            stack_rows([(prompt.kv, 1) for prompt in chunk], past, spare=width)
            if past
            else DynamicCache(config=model.config)
        )
        new = torch.arange(width)[None] - torch.tensor([[width - n] for n in n_tokens])  # (P, S)
        ids = [
            [0] * (width - n) + list(prompt.token_ids[read : read + n])
            for prompt, read, n in zip(chunk, n_read, n_tokens, strict=True)
        ]
        masked = min(n_read) < past or min(n_tokens) < width
        before = torch.arange(past)[None] >= past - torch.tensor(n_read)[:, None]  # (P, C)
        mask = torch.cat([before, new >= 0], dim=1).long().to(model.device)  # (P, C + S)
        logits = self._context.forward(
            self._adapter,
            torch.tensor(ids, device=model.device),  # (P, S)
            mask if masked else None,
            (new.clamp(min=0) + torch.tensor(n_read)[:, None]).to(model.device),
            cache,
        )
        whole = past + width
        for row, (prompt, read, n) in enumerate(zip(chunk, n_read, n_tokens, strict=True)):
            spans = [(past - read, past), (whole - n, whole)]
            joined = [(past - read, whole)] if n == width else spans
            prompt.kv = slice_kv(cache, slice(row, row + 1), joined)
        return logits

    def _rearrange(self, kept: Sequence[int], joining: Sequence[_Prompt]) -> None:
        """Rebuilds the cache from the kept rows and those that join."""
        if len(kept) == len(self._rows) and not joining:
            return
        if self._placement:
            self._placement.settle()
        lengths = self._lengths()
        widths = [lengths[at] for at in kept] + [prompt.n_read for prompt in joining]
        if kept and not joining and self._width() <= 2 * max(widths):
            self._compact(kept)
            return
        new: list[tuple[Kv | None, int]] = [(prompt.kv, len(prompt.rows)) for prompt in joining]
        self._cache = stack_rows(new, max(widths), old=self._cache, kept=kept) if widths else None
        if self._placement:
            self._placement.leave()
        rows = [self._rows[at] for at in kept]
        self._rows = rows + [row for prompt in joining for row in prompt.rows]

    def _compact(self, kept: Sequence[int]) -> None:
        """Moves the last rows into the gaps: copying all would cost what removing some gains."""
        assert self._cache is not None
        n_rows = len(kept)
        gaps = sorted(set(range(n_rows)) - set(kept))
        moves = list(zip(gaps, (at for at in kept if at >= n_rows), strict=True))
        for layer in self._cache.layers:
            assert isinstance(layer, PreallocatedLayer)
            layer.shrink(n_rows, moves)
        for to, origin in moves:
            self._rows[to] = self._rows[origin]
        del self._rows[n_rows:]

    def _cache_prefix(self, at: int) -> None:
        """Stores the KV of a finished row for a later round that continues it."""
        assert self._cache is not None
        row, width = self._rows[at], self._width()
        spans = [(width - self._lengths()[at], width)]
        kv = slice_kv(self._cache, slice(at, at + 1), spans)
        self._context.prefix_cache.store(self._adapter, [*row.prompt, *row.token_ids[:-1]], kv)

    def _width(self) -> int:
        """Returns the number of columns of the cache."""
        if self._cache is None:
            return 0
        if self._placement:
            return self._placement.width(self._cache)
        return int(self._cache.get_seq_length())

    def _lengths(self) -> list[int]:
        """Returns each row's tokens in the cache: all but the last, which the next step reads."""
        return [len(row.prompt) + len(row.token_ids) - 1 for row in self._rows]


def _mask(lengths: Sequence[int], width: int, device: Any) -> Tensor | None:
    """Returns a mask (B, T) that is one for the last columns of each row; `None` if all are."""
    if min(lengths) == width:
        return None
    columns = torch.arange(width, device=device)[None]
    return (columns >= width - torch.tensor(lengths, device=device)[:, None]).long()
