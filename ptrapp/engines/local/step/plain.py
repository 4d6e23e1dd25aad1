"""One forward of a model of the plain layout, without the modules around its products."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from transformers import DynamicCache

from ptrapp.engines.local.kv import PreallocatedLayer
from ptrapp.engines.local.step.layout import Block, PlainLayout
from ptrapp.engines.local.step.lora import LoraDelta, LoraDeltas
from ptrapp.engines.local.step.products import Product

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""Takes the number of a block, its queries (B, S, H, D), keys and values (B, S, Hkv, D), and
returns what is attended to (B, S, H, D)."""
Fused = Callable[..., Tensor]


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turns heads (B, S, H, D) by their positions' angles (B, S, 1, D).

    The first half of the sines is negated, so that the halves of a head need only be swapped.
    """
    return torch.addcmul(heads * cos, heads.roll(heads.shape[-1] // 2, -1), sin)


def gated(gate_up: Tensor) -> Tensor:
    """Returns SiLU of the first half times the second half (M, N / 2)."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.silu(gate).mul_(up)


def rms_norm(rows: Tensor, weight: Tensor, epsilon: Tensor) -> Tensor:
    """Returns the RMS norm of float32 rows (…, K), with `epsilon` () under the root.

    PyTorch's own is a dozen kernels on a CPU, which a single row's products do not hide.
    """
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    mean_square = torch.addcmul(epsilon, length, length, value=1 / rows.shape[-1])
    return (rows * mean_square.rsqrt_()).mul_(weight)


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
        reading: Sequence[BlockProducts] | None = None,
        rotate: Fused = rotate,
        gated: Fused = gated,
    ):
        """Takes other products for prompts, and compiled forms of `rotate` and `gated`, where there
        are some."""
        self.layout = layout
        self.products = products
        self._reading = reading or products
        self._head = head
        self._rotate, self._gated = rotate, gated
        like = layout.embedding
        plain = like.device.type == "cpu" and like.dtype == torch.float32
        self._epsilon = torch.tensor(layout.epsilon) if plain else None
        """For a norm of few kernels; None where PyTorch's is one, or more exact than the type."""

    def __call__(
        self, ids: Tensor, positions: Tensor, attend: Attend, deltas: LoraDeltas | None = None
    ) -> Tensor:
        """Returns the logits after the last of the ids (B, S) at `positions` (B, S), (B, V)."""
        layout = self.layout
        n_rows, n_tokens = ids.shape
        hidden = F.embedding(ids, layout.embedding).flatten(0, 1)  # (M, E), M = B S
        cos, sin = self._angles(positions, hidden.dtype)
        nothing: Mapping[str, LoraDelta] = {}
        of_blocks = self.products if n_tokens == 1 else self._reading
        for number, (block, products) in enumerate(zip(layout.blocks, of_blocks, strict=True)):
            delta = deltas.blocks[number] if deltas else nothing
            normed = self._norm(hidden, block.input_norm)
            qkv = _product(products.qkv, delta.get("qkv"), normed)
            heads = qkv.view(n_rows, n_tokens, -1, layout.head_size)
            attended = attend(number, *self._heads(heads, block, cos, sin))
            flat = attended.reshape(n_rows * n_tokens, -1)
            hidden = _product(products.output, delta.get("output"), flat).add_(hidden)
            normed = self._norm(hidden, block.output_norm)
            inner = self._gated(_product(products.gate_up, delta.get("gate_up"), normed))
            hidden = _product(products.down, delta.get("down"), inner).add_(hidden)
        last = hidden.view(n_rows, n_tokens, -1)[:, -1]
        head = deltas.head if deltas else None
        return _product(self._head, head, self._norm(last, layout.norm))

    def _heads(
        self, heads: Tensor, block: Block, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns queries, keys and values from (B, S, H + 2 Hkv, D)."""
        sizes = [self.layout.n_heads, self.layout.n_kv_heads]
        turning, values = heads.split([sum(sizes), sizes[1]], dim=2)
        if block.q_norm is not None and block.k_norm is not None:
            queries, keys = turning.split(sizes, dim=2)
            turning = torch.cat(
                (self._norm(queries, block.q_norm), self._norm(keys, block.k_norm)), dim=2
            )
        queries, keys = self._rotate(turning, cos, sin).split(sizes, dim=2)
        return queries, keys, values

    def _norm(self, rows: Tensor, weight: Tensor) -> Tensor:
        if self._epsilon is None:
            return F.rms_norm(rows, weight.shape, weight, self.layout.epsilon)
        return rms_norm(rows, weight, self._epsilon)

    def _angles(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Returns cosines and sines for `rotate`, each (B, S, 1, D)."""
        angles = positions[:, :, None].float() * self.layout.inverse_frequencies  # (B, S, D / 2)
        scaling = self.layout.rotary_scaling
        cos, sin = angles.cos() * scaling, angles.sin() * scaling
        both = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)  # (B, S, D)
        return both[0][:, :, None].to(dtype), both[1][:, :, None].to(dtype)


def _product(product: Product, delta: LoraDelta | None, rows: Tensor) -> Tensor:
    return product(rows) if delta is None else delta.add_to(product(rows), rows)


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

    def __init__(self, cache: DynamicCache, mask: Tensor | None, n_new: int, layout: PlainLayout):
        """Takes the mask (B, T) of the columns that count, new ones included; None if all do."""
        self._cache = cache
        self._scaling = layout.scaling
        self._single = n_new == 1
        self._causal = False
        past = cache.get_seq_length()
        seen: Tensor | None = None
        if self._single:
            seen = None if mask is None else mask.bool()[:, None, None]  # (B, 1, 1, T)
        elif mask is None and not past:
            self._causal = True
        else:
            seen = _causal_mask(mask, past, n_new)
        self._mask = _added(seen, layout.embedding) if seen is not None else None

    def __call__(self, number: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        layers = self._cache.layers
        layer = layers[number] if number < len(layers) else None
        if self._single and isinstance(layer, PreallocatedLayer):
            keys, values = layer.append(keys[:, 0], values[:, 0])
            return grouped_attention(queries, keys, values, self._mask, self._scaling)
        keys, values = self._cache.update(keys.transpose(1, 2), values.transpose(1, 2), number)
        if self._single:
            return grouped_attention(queries, keys, values, self._mask, self._scaling)
        group = queries.shape[2] // keys.shape[1]
        found = F.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.repeat_interleave(group, dim=1),
            values.repeat_interleave(group, dim=1),
            self._mask,
            is_causal=self._causal,
            scale=self._scaling,
        )
        return found.transpose(1, 2)


def _added(seen: Tensor, like: Tensor) -> Tensor:
    """Returns what a mask adds to the scores: once here, which each layer would do for itself."""
    return torch.zeros_like(seen, dtype=like.dtype, device=like.device).masked_fill_(
        ~seen.to(like.device), -torch.inf
    )


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
