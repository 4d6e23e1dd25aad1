"""Attention within one flat row of many sequences that share their prompts.

Worked example, two completions A and B of one prompt P, then an example of its own, Q C::

    tokens     P P P A A | B B | Q Q C
    position   0 1 2 3 4 | 3 4 | 0 1 2
    segment    0         | 1   | 2        segment 1 also reads the first 3 tokens of segment 0

A prompt is forwarded once, with its first completion; each sibling reads the prompt's keys and
values and counts its positions on from it. Everything is causal, and nothing sees a neighbour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

BLOCK = 128
"""Queries, and keys, of a block of FlexAttention's masks."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive tokens, and the beginning of an earlier segment that they continue."""

    length: int
    parent: int | None = None
    """Index of the segment whose first tokens precede these; None where a sequence begins."""
    n_shared: int = 0
    """Tokens of the parent that precede these."""


@dataclass(frozen=True, eq=False)
class Segments:
    """The segments of a flat row, and the attention masks they need, each made once."""

    parts: tuple[Segment, ...]
    _masks: dict[tuple[object, ...], Tensor | BlockMask | None] = field(default_factory=dict)

    @property
    def lengths(self) -> list[int]:
        return [part.length for part in self.parts]

    def positions(self) -> list[int]:
        """Returns the position of each token in its own sequence, (T,)."""
        return [part.n_shared + at for part in self.parts for at in range(part.length)]

    def mask(
        self, index: int, window: int | None, device: torch.device, dtype: torch.dtype
    ) -> Tensor | None:
        """Returns what is added to the scores of segment `index`, (L, n_shared + L).

        None means plain causal attention: the sequence fits the window.
        """
        part = self.parts[index]
        n_keys = part.n_shared + part.length
        if window is None or window >= n_keys:
            return None
        key = (part.length, n_keys, window, device, dtype)
        if key not in self._masks:
            queries = torch.arange(part.n_shared, n_keys, device=device)[:, None]  # (L, 1)
            keys = torch.arange(n_keys, device=device)  # (n_shared + L,)
            seen = (keys <= queries) & (keys > queries - window)  # (L, n_shared + L)
            mask = torch.zeros(seen.shape, dtype=dtype, device=device)
            self._masks[key] = mask.masked_fill_(~seen, float("-inf"))
        return self._masks[key]  # type: ignore[return-value]

    def block_mask(self, window: int | None, device: torch.device) -> BlockMask:
        """Returns the mask of the whole row for FlexAttention."""
        key = ("block", window, device)
        if key not in self._masks:
            self._masks[key] = self._blocks(window, device)
        return self._masks[key]  # type: ignore[return-value]

    def _blocks(self, window: int | None, device: torch.device) -> BlockMask:
        starts = _starts(self.lengths)
        segment_ids, shared_from, shared_to = [], [], []
        for index, part in enumerate(self.parts):
            begin = starts[part.parent] if part.parent is not None else 0
            segment_ids += [index] * part.length
            shared_from += [begin] * part.length
            shared_to += [begin + part.n_shared] * part.length
        segment_of = torch.tensor(segment_ids, device=device)  # (T,)
        begins = torch.tensor(shared_from, device=device)  # (T,)
        ends = torch.tensor(shared_to, device=device)  # (T,)
        positions = torch.tensor(self.positions(), device=device)  # (T,)

        def seen(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            own = (segment_of[query] == segment_of[key]) & (key <= query)
            prefix = (key >= begins[query]) & (key < ends[query])
            visible = own | prefix
            if window is not None:
                visible = visible & (positions[key] > positions[query] - window)
            return visible

        n_tokens = len(segment_ids)
        partial, full = self._block_lists(exact=window is None)
        return BlockMask.from_kv_blocks(
            *_padded(partial, device),
            *_padded(full, device),
            BLOCK_SIZE=BLOCK,
            mask_mod=seen,
            seq_lengths=(n_tokens, n_tokens),
        )

    def _block_lists(self, *, exact: bool) -> tuple[list[list[int]], list[list[int]]]:
        """Lists for each block of queries the blocks of keys it sees in part, and in full.

        Counted over segments, because `create_block_mask` looks at every pair of tokens: a
        gigabyte for 32k tokens. Unless `exact`, all that might be seen counts as seen in part.
        """
        starts, n_tokens = _starts(self.lengths), sum(self.lengths)
        n_blocks = -(-n_tokens // BLOCK)
        touched: list[set[int]] = [set() for _ in range(n_blocks)]
        full: list[set[int]] = [set() for _ in range(n_blocks)]
        for start, part in zip(starts, self.parts, strict=True):
            end = start + part.length
            shared = starts[part.parent] if part.parent is not None else 0
            for block in range(start // BLOCK, -(-end // BLOCK)):
                first, last = block * BLOCK, min((block + 1) * BLOCK, end)
                touched[block] |= _touching(start, last) | _touching(shared, shared + part.n_shared)
                if exact and start <= first and first + BLOCK <= end:
                    full[block] = _inside(start, first)
                    full[block] |= _inside(shared, shared + part.n_shared)
        partial = [sorted(some - whole) for some, whole in zip(touched, full, strict=True)]
        return partial, [sorted(whole) for whole in full]


def _touching(start: int, end: int) -> set[int]:
    """Returns the blocks of which some of the tokens from `start` to `end` are a part."""
    return set(range(start // BLOCK, -(-end // BLOCK))) if end > start else set()


def _inside(start: int, end: int) -> set[int]:
    """Returns the blocks that lie between two tokens as a whole."""
    return set(range(-(-start // BLOCK), end // BLOCK))


def _padded(blocks: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns how many blocks each list has, (1, 1, n), and the lists filled up, (1, 1, n, n)."""
    n_blocks = len(blocks)
    counts = torch.tensor([len(each) for each in blocks], dtype=torch.int32)
    indices = torch.zeros(n_blocks, n_blocks, dtype=torch.int32)
    for row, each in zip(indices, blocks, strict=True):
        row[: len(each)] = torch.tensor(each, dtype=torch.int32)
    return counts[None, None].to(device), indices[None, None].to(device)


def _starts(lengths: Sequence[int]) -> list[int]:
    starts, at = [], 0
    for length in lengths:
        starts.append(at)
        at += length
    return starts
