"""LoRA layers whose update is fused into the frozen matrix product, forward and backward.

PEFT computes `W x + scale · B (A x)` as separate tensors of the full width, which are scaled and
added, and all of it again in the backward pass. Here the matrix product adds itself to the rank-r
update, and the backward pass needs A x and x, which the neighbouring layers store anyway.
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn


def fuse(model: nn.Module) -> int:
    """Replaces the forward of every plain LoRA layer; returns how many.

    Plain is a frozen `nn.Linear` with one adapter, no dropout and no variant (DoRA and the like).
    Parameters, names and saving stay PEFT's; other layers keep their forward.
    """
    layers = [module for module in model.modules() if type(module) is Linear and _is_plain(module)]
    for layer in layers:
        layer.forward = MethodType(_forward, layer)  # type: ignore[method-assign]
    return len(layers)


def _is_plain(layer: Linear) -> bool:
    (*names,) = layer.lora_A
    return (
        len(names) == 1
        and type(layer.base_layer) is nn.Linear
        and not layer.base_layer.weight.requires_grad
        and not layer.lora_variant
        and not layer.fan_in_fan_out
        and isinstance(layer.lora_dropout[names[0]], nn.Identity)
        and layer.lora_A[names[0]].bias is None
        and layer.lora_B[names[0]].bias is None
    )


def _forward(layer: Linear, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if layer.disable_adapters or layer.merged or args or kwargs:
        return type(layer).forward(layer, x, *args, **kwargs)
    (name,) = layer.lora_A
    base = layer.base_layer
    down, up = layer.lora_A[name].weight.to(x.dtype), layer.lora_B[name].weight.to(x.dtype)
    flat = x.flatten(0, -2)  # (T, in)
    out: Tensor = _LoraLinear.apply(flat, base.weight, base.bias, down, up, layer.scaling[name])
    return out.unflatten(0, x.shape[:-1])


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        scale: float,
    ) -> Tensor:
        """Maps x (T, in) by weight (out, in), down (r, in) and up (out, r) to (T, out)."""
        inner = x @ down.t()  # (T, r)
        # The update first: on a GPU the large product adds itself while it computes.
        update = (inner * scale) @ up.t()  # (T, out)
        if bias is not None:
            update += bias
        out = _add_product(update, x, weight.t())
        ctx.save_for_backward(x, weight, down, up, inner)
        ctx.scale = scale
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, down, up, inner = ctx.saved_tensors
        to_out = gradients[0]  # (T, out)
        to_inner = (to_out @ up) * ctx.scale  # (T, r)
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = _add_product(to_inner @ down, to_out, weight)  # (T, in)
        to_down = to_inner.t() @ x  # (r, in)
        to_up = (to_out.t() @ inner) * ctx.scale  # (out, r)
        return to_x, None, None, to_down, to_up, None


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Returns total + left · right, in the memory of `total`.

    Compiled in torch 2.11, a function of ours that changes a tensor in place gets wrong gradients;
    a compiler finds by itself that the memory is free.
    """
    if torch.compiler.is_compiling():
        return torch.addmm(total, left, right)
    return total.addmm_(left, right)
