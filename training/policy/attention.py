"""Attention over a flat row of segments, registered with `transformers` by name.

A model set to `NAME` calls `segment_attention` in every layer. On a CPU each segment is attended
separately, so nothing is computed across segments; on a GPU FlexAttention skips the blocks that are
masked completely.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import softmax
from transformers import AttentionInterface

from training.data.segments import Segments
from training.policy.cpu_attention import attend

NAME = "thrice_segments"
"""What `set_attn_implementation` is given. No mask function has this name, so no mask is built."""


@torch.compiler.disable
def segment_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: Segments,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attends inside each segment and to the prompt it shares; returns (1, T, heads, D).

    `query` is (1, heads, T, D), `key` and `value` (1, kv_heads, T, D), rotated already. Whatever
    else a model asks of its attention (sinks, biases) is not done here: `training.policy.layout`
    compares with the model's own attention before this one is trusted. A compiled layer calls it
    as it is: the segments are Python objects, and every row has others.
    """
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    if query.is_cuda:
        return _flex(query, key, value, segments, scale, sliding_window, softcap), None
    n_groups = query.shape[1] // key.shape[1]
    if n_groups > 1:
        key, value = key.repeat_interleave(n_groups, 1), value.repeat_interleave(n_groups, 1)
    lengths = segments.lengths
    keys, values = key[0].split(lengths, 1), value[0].split(lengths, 1)  # (heads, L, D) each
    attended = []
    for index, queries in enumerate(query[0].split(lengths, 1)):
        part = segments.parts[index]
        visible = keys[index], values[index]
        if part.parent is not None:
            prompt = slice(part.n_shared)
            before = keys[part.parent][:, prompt], values[part.parent][:, prompt]
            visible = torch.cat([before[0], visible[0]], 1), torch.cat([before[1], visible[1]], 1)
        mask = segments.mask(index, sliding_window, query.device, query.dtype)
        if softcap is None:
            attended.append(attend(queries, *visible, scale, mask))
        else:
            attended.append(_softcapped(queries, *visible, scale, mask, softcap))
    return torch.cat(attended, 1).transpose(0, 1)[None], None


def _softcapped(
    query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None, softcap: float
) -> Tensor:
    """Attention whose scores go through cap · tanh(score / cap), as Gemma 2's do; (heads, L, D)."""
    scores = query @ key.transpose(1, 2) * scale  # (heads, L, n_keys)
    scores = torch.tanh(scores / softcap) * softcap
    if mask is None:
        visible = torch.ones(scores.shape[1:], dtype=torch.bool, device=scores.device)
        unseen = ~visible.tril(scores.shape[2] - scores.shape[1])  # (L, n_keys)
        scores = scores.masked_fill(unseen, float("-inf"))
    else:
        scores = scores + mask
    wide = torch.promote_types(scores.dtype, torch.float32)
    return softmax(scores, -1, dtype=wide).to(value.dtype) @ value


def _flex(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    scale: float,
    window: int | None,
    softcap: float | None,
) -> Tensor:
    """FlexAttention, (1, T, heads, D): compiled on a GPU, its slow reference on a CPU."""

    def capped(score: Tensor, *_: Tensor) -> Tensor:
        assert softcap is not None
        return torch.tanh(score / softcap) * softcap

    run = _compiled_flex() if query.is_cuda else flex_attention
    attended = run(
        query,
        key,
        value,
        score_mod=capped if softcap is not None else None,
        block_mask=segments.block_mask(window, query.device),
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
        # A row of fewer than 128 tokens would take the kernel for decoding, which has no gradient.
        kernel_options={"FORCE_USE_FLEX_ATTENTION": True} if query.is_cuda else None,
    )
    assert isinstance(attended, Tensor)
    return attended.transpose(1, 2)


@cache
def _compiled_flex() -> Any:
    """Compiles on first use, because loading the compiler takes most of a second."""
    return torch.compile(flex_attention, dynamic=True)


AttentionInterface.register(NAME, segment_attention)
