"""Log-probabilities of given tokens, chunk by chunk, without storing logits.

With a frozen output head the gradient of a token's log-probability with respect to its hidden state
is known as soon as its softmax is: the forward pass computes it by two matrix products, and stores
one vector per token instead of a row of the vocabulary.
"""

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

CHUNK = 1 << 22
"""Logits computed at once: 16 MB in float32, 131 rows of a vocabulary of 32k. The fastest on a CPU:
fewer rows make the matrix product slow, more do not fit the cache."""
CHUNK_ON_GPU = 1 << 27
"""The same on a GPU, where a product of few rows would read the whole matrix for little work: half
a gigabyte in float32, 1024 rows of a vocabulary of 128k."""


class Head(NamedTuple):
    """An output head: z = scale · (W h + b), logits = cap · tanh(z / cap), or z without a cap."""

    weight: Tensor
    """(V, H)"""
    bias: Tensor | None
    """(V,)"""
    scale: float = 1.0
    softcap: float | None = None

    @property
    def is_frozen(self) -> bool:
        return not self.weight.requires_grad and (self.bias is None or not self.bias.requires_grad)


def head_of(model: nn.Module) -> Head | None:
    """Returns the output head of a causal language model, None when it is not a plain matrix.

    Caps and scales are read from where `transformers` keeps them (Gemma 2's cap, Granite's and
    Cohere's scales); what a model does beyond that, `training.policy.layout` finds by comparing.
    """
    layer = model.get_output_embeddings()  # type: ignore[operator]
    if type(layer) is not nn.Linear:
        return None
    config: Any = model.config
    text = config.get_text_config()
    scale = getattr(text, "logit_scale", None) or 1.0
    scale /= getattr(text, "logits_scaling", None) or 1.0
    softcap = getattr(text, "final_logit_softcapping", None)
    return Head(layer.weight, layer.bias, float(scale), softcap)


def head_logps(hidden: Tensor, targets: Tensor, head: Head) -> Tensor:
    """Returns the log-probability of each target after its hidden state, (N,), float32 at least.

    `hidden` is (N, H), `targets` (N,).
    """
    if not hidden.numel():
        return hidden.new_zeros(0, dtype=_wide(hidden))
    chunk = CHUNK if hidden.device.type == "cpu" else CHUNK_ON_GPU
    n_rows = max(32, chunk // head.weight.shape[0])
    if head.is_frozen or not torch.is_grad_enabled():
        logps: Tensor = _FrozenHead.apply(hidden, targets, head, n_rows)
        return logps
    chunks = zip(hidden.split(n_rows), targets.split(n_rows), strict=True)
    parts = [checkpoint(_trainable, *chunk, *head, use_reentrant=False) for chunk in chunks]
    return torch.cat(parts)


def _wide(hidden: Tensor) -> torch.dtype:
    return torch.promote_types(hidden.dtype, torch.float32)


def _trainable(
    hidden: Tensor,
    targets: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    scale: float,
    softcap: float | None,
) -> Tensor:
    """Computes the same by autograd, for a head that is trained; the caller checkpoints it."""
    logits = nn.functional.linear(hidden, weight, bias).to(_wide(hidden)) * scale  # (n, V)
    if softcap is not None:
        logits = torch.tanh(logits / softcap) * softcap
    return logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(1)


class _FrozenHead(torch.autograd.Function):
    """Computes d log p / d h = (one-hot − softmax) W, times the slopes of cap and scale.

    The softmax stays unnormalised, e = exp(z − max): its sum divides H numbers afterwards instead
    of V before, and the target's row of W is added instead of a one in V.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, head: Head, n_rows: int) -> Tensor:
        wide, n_logits = _wide(hidden), head.weight.shape[0]
        on_cpu = hidden.device.type == "cpu"
        exponentials = _exponentials if on_cpu else _compiled_exponentials()
        logps = torch.empty(len(hidden), dtype=wide, device=hidden.device)  # (N,)
        slopes = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None  # (N, H)
        shape = (min(n_rows, len(hidden)), n_logits)
        narrow = torch.empty(shape, dtype=hidden.dtype, device=hidden.device)  # (n, V)
        buffer = torch.empty(shape, dtype=wide) if on_cpu else None  # (n, V)
        transposed = head.weight.t()  # (H, V)
        for at in range(0, len(hidden), n_rows):
            chunk = slice(at, at + n_rows)
            picked = targets[chunk]  # (n,)
            raw = narrow[: len(picked)]  # (n, V)
            torch.mm(hidden[chunk], transposed, out=raw)
            logits = buffer[: len(picked)] if buffer is not None else None
            logps[chunk], total, own_slope = exponentials(
                raw, picked, head.bias, head.scale, head.softcap, logits, slopes is not None
            )
            if slopes is None:
                continue
            expected_row = torch.mm(raw, head.weight).to(wide) / total  # (n, H)
            slopes[chunk] = (head.weight[picked].to(wide) * own_slope - expected_row) * head.scale
        ctx.save_for_backward(*([slopes] if slopes is not None else []))
        return logps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slopes,) = ctx.saved_tensors
        return (gradients[0][:, None] * slopes).to(slopes.dtype), None, None, None


def _exponentials(
    raw: Tensor,
    picked: Tensor,
    bias: Tensor | None,
    scale: float,
    softcap: float | None,
    buffer: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Replaces the products W h in `raw` (n, V) by e, times the slope of the cap, if asked to keep.

    Returns the log-probability of each picked token (n,), the sum of e (n, 1), and the slope of the
    cap at the picked logit (n, 1). On a CPU all passes over (n, V) are in place, in `raw` and
    `buffer`, since most of a naive version's time goes into fresh memory there; a compiler needs no
    buffer to make one pass of them.
    """
    wide = _wide(raw)
    logits = raw.to(wide) if buffer is None else buffer.copy_(raw)  # (n, V)
    if bias is not None:
        logits += bias
    if scale != 1.0:
        logits *= scale
    tanh_slope = None
    if softcap is not None:
        logits.div_(softcap).tanh_()
        tanh_slope = 1 - logits.square()  # (n, V)
        logits *= softcap
    highest = logits.amax(1, keepdim=True)  # (n, 1)
    target_logits = logits.gather(1, picked[:, None]) - highest  # (n, 1)
    powers = logits.sub_(highest).exp_()  # (n, V)
    total = powers.sum(1, keepdim=True)  # (n, 1)
    own_slope = torch.ones_like(total)  # (n, 1)
    if tanh_slope is not None:
        own_slope = tanh_slope.gather(1, picked[:, None])
        powers *= tanh_slope
    if keep:
        raw.copy_(powers)
    return (target_logits - total.log())[:, 0], total, own_slope


@cache
def _compiled_exponentials() -> Any:
    """Compiles on first use, like the attention."""
    return torch.compile(_exponentials, dynamic=True)
