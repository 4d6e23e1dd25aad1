"""One forward of a model of the plain layout, without the modules around its products."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from transformers import DynamicCache

from ptrapp.engines.local.step.layout import Block, PlainLayout
from ptrapp.engines.local.step.lora import LoraDelta, LoraDeltas
from ptrapp.engines.local.step.products import Product

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Takes the number of a block, its queries (B, S, H, D), keys and values (B, S, Hkv, D), and
returns what is attended to (B, S, H, D)."""
Fused = Callable[..., Tensor]


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns heads (B, S, H, D) by their positions' angles (B, S, 1, D)."""
    one, other = heads.chunk(2, dim=-1)
    return heads * cos + torch.cat((-other, one), dim=-1) * sin


def gated(gate_up: Tensor) -> Tensor:
    """Returns SiLU of the first half times the second half (M, N / 2)."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate) * up


class BlockProducts(NamedTuple):
    """The four products of a block."""

    qkv: Product
    output: Product
    gate_up: Product
    down: Product


class PlainStep:
    """Computes logits from ids, with the products in the form that was chosen for them."""

    def __init__(
        self,
        layout: PlainLayout,
        products: Sequence[BlockProducts],
        head: Product,
        *,
        rotate: Fused = rotate,
        gated: Fused = gated,
    ):
        """Takes compiled forms of `rotate` and `gated` where there are some."""
        self.layout = layout
        self._products = products
        self._head = head
        self._rotate, self._gated = rotate, gated

    def __call__(
        self, ids: Tensor, positions: Tensor, attend: Attend, deltas: LoraDeltas | None = None
    ) -> Tensor:
        """Returns the logits after the last of the ids (B, S) at `positions` (B, S), (B, V)."""
        layout = self.layout
        n_rows, n_tokens = ids.shape
        hidden = F.embedding(ids, layout.embedding).flatten(0, 1)  # (M, E), M = B S
        cos, sin = self._angles(positions, hidden.dtype)
        nothing: Mapping[str, LoraDelta] = {}
        for number, (block, products) in enumerate(zip(layout.blocks, self._products, strict=True)):
            delta = deltas.blocks[number] if deltas else nothing
            normed = self._norm(hidden, block.input_norm)
            qkv = _product(products.qkv, delta.get("qkv"), normed)
            heads = qkv.view(n_rows, n_tokens, -1, layout.head_size)
            attended = attend(number, *self._heads(heads, block, cos, sin))
            flat = attended.reshape(n_rows * n_tokens, -1)
            hidden = hidden + _product(products.output, delta.get("output"), flat)
            normed = self._norm(hidden, block.output_norm)
            inner = self._gated(_product(products.gate_up, delta.get("gate_up"), normed))
            hidden = hidden + _product(products.down, delta.get("down"), inner)
        last = hidden.view(n_rows, n_tokens, -1)[:, -1]
        head = deltas.head if deltas else None
        return _product(self._head, head, self._norm(last, layout.norm))

    def _heads(
        self, heads: Tensor, block: Block, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns queries, keys and values from (B, S, H + 2 Hkv, D)."""
        n_heads, n_kv = self.layout.n_heads, self.layout.n_kv_heads
        turning, values = heads[:, :, : n_heads + n_kv], heads[:, :, n_heads + n_kv :]
        if block.q_norm is not None and block.k_norm is not None:
            queries = self._norm(turning[:, :, :n_heads], block.q_norm)
            keys = self._norm(turning[:, :, n_heads:], block.k_norm)
            turning = torch.cat((queries, keys), dim=2)
        turned = self._rotate(turning, cos, sin)
        return turned[:, :, :n_heads], turned[:, :, n_heads:], values

    def _norm(self, rows: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(rows, weight.shape, weight, self.layout.epsilon)

    def _angles(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        angles = positions[:, :, None].float() * self.layout.inverse_frequencies  # (B, S, D / 2)
        angles = torch.cat((angles, angles), dim=-1)[:, :, None]  # (B, S, 1, D)
        scaling = self.layout.rotary_scaling
        return (angles.cos() * scaling).to(dtype), (angles.sin() * scaling).to(dtype)


def _product(product: Product, delta: LoraDelta | None, rows: Tensor) -> Tensor:
    return product(rows) if delta is None else product(rows) + delta(rows)


def grouped_attention(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scaling: float
) -> Tensor:
    """Returns the attention of one token's queries (B, 1, H, D) over (B, Hkv, T, D).

    The heads that share keys are taken as queries of one head, so that keys are not repeated. The
    mask (B, 1, 1, T) is added to the scores or, if boolean, says which count.
    """
    n_rows, n_kv = keys.shape[:2]
    grouped = queries.reshape(n_rows, n_kv, -1, keys.shape[-1])  # (B, Hkv, G, D)
    if mask is not None:
        mask = mask.expand(n_rows, n_kv, grouped.shape[2], mask.shape[-1])
    found = F.scaled_dot_product_attention(grouped, keys, values, mask, scale=scaling)
    return found.reshape(queries.shape)


class CacheAttention:
    """Attends over a growing cache, whose rows all end at its last column."""

    def __init__(self, cache: DynamicCache, mask: Tensor | None, n_new: int, scaling: float):
        """Takes the mask (B, T) of the columns that count, new ones included; None if all do."""
        self._cache = cache
        self._scaling = scaling
        self._single = n_new == 1
        self._causal = False
        past = cache.get_seq_length()
        self._mask: Tensor | None = None
        if self._single:
            self._mask = None if mask is None else mask.bool()[:, None, None]  # (B, 1, 1, T)
        elif mask is None and not past:
            self._causal = True
        else:
            self._mask = _causal_mask(mask, past, n_new)

    def __call__(self, number: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        keys, values = self._cache.update(keys.transpose(1, 2), values.transpose(1, 2), number)
        if self._single:
            return grouped_attention(queries, keys, values, self._mask, self._scaling)
        group = queries.shape[2] // keys.shape[1]
        found = F.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.repeat_interleave(group, dim=1),
            values.repeat_interleave(group, dim=1),
            self._mask.to(queries.device) if self._mask is not None else None,
            is_causal=self._causal,
            scale=self._scaling,
        )
        return found.transpose(1, 2)


def _causal_mask(mask: Tensor | None, past: int, n_new: int) -> Tensor:
    """Returns which columns each new token sees, (B, 1, S, T).

    A padding token sees itself: one that saw nothing would be NaN, and spoil what ignores it.
    """
    device = mask.device if mask is not None else None
    columns = torch.arange(past + n_new, device=device)
    new = past + torch.arange(n_new, device=device)[:, None]  # (S, 1)
    seen = (columns <= new)[None, None]  # (1, 1, S, T)
    if mask is None:
        return seen
    return (seen & mask.bool()[:, None, None]) | (columns == new)
