"""Log-probabilities of given tokens, chunk by chunk, without storing logits.

With a frozen output head the gradient of a token's log-probability with respect to its hidden state
is known as soon as its softmax is: the forward pass computes it by two matrix products, and stores
one vector per token instead of a row of the vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

CHUNK = 1 << 22
"""Logits computed at once: 16 MB in float32, 131 rows of a vocabulary of 32k. The fastest on a CPU:
fewer rows make the matrix product slow, more do not fit the cache."""


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
    n_rows = max(32, CHUNK // head.weight.shape[0])
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
    of V before, and the target's row of W is added instead of a one in V. All passes over (n, V)
    are in place, in two buffers: most of a naive version's time goes into fresh memory.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, head: Head, n_rows: int) -> Tensor:
        wide, n_logits = _wide(hidden), head.weight.shape[0]
        logps = torch.empty(len(hidden), dtype=wide, device=hidden.device)  # (N,)
        slopes = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None  # (N, H)
        shape = (min(n_rows, len(hidden)), n_logits)
        narrow = torch.empty(shape, dtype=hidden.dtype, device=hidden.device)  # (n, V)
        buffer = torch.empty(shape, dtype=wide, device=hidden.device)  # (n, V)
        transposed = head.weight.t()  # (H, V)
        for at in range(0, len(hidden), n_rows):
            chunk = slice(at, at + n_rows)
            picked = targets[chunk]  # (n,)
            raw, logits = narrow[: len(picked)], buffer[: len(picked)]  # (n, V) each
            torch.mm(hidden[chunk], transposed, out=raw)
            logits.copy_(raw)
            if head.bias is not None:
                logits += head.bias
            if head.scale != 1.0:
                logits *= head.scale
            tanh_slope = None
            if head.softcap is not None:
                logits.div_(head.softcap).tanh_()
                tanh_slope = 1 - logits.square()  # (n, V)
                logits *= head.softcap
            highest = logits.amax(1, keepdim=True)  # (n, 1)
            target_logits = logits.gather(1, picked[:, None]) - highest  # (n, 1)
            powers = logits.sub_(highest).exp_()  # (n, V)
            total = powers.sum(1, keepdim=True)  # (n, 1)
            logps[chunk] = (target_logits - total.log())[:, 0]
            if slopes is None:
                continue
            own_slope = torch.ones_like(total)  # (n, 1): slope of the cap at the target's logit
            if tanh_slope is not None:
                own_slope = tanh_slope.gather(1, picked[:, None])
                powers *= tanh_slope
            raw.copy_(powers)
            expected_row = torch.mm(raw, head.weight).to(wide) / total  # (n, H)
            slopes[chunk] = (head.weight[picked].to(wide) * own_slope - expected_row) * head.scale
        ctx.save_for_backward(*([slopes] if slopes is not None else []))
        return logps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slopes,) = ctx.saved_tensors
        return (gradients[0][:, None] * slopes).to(slopes.dtype), None, None, None
