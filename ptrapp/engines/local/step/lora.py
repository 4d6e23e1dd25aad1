"""The LoRA matrices of one version, joined as the products of a step are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor

from ptrapp.engines.local.step.layout import PROJECTIONS, UnknownLayout


class LoraDelta(NamedTuple):
    """What a version adds to a product: rows (M, K) times `down`ᵀ times `up`ᵀ."""

    down: Tensor
    """(R, K), the ranks of the joined modules one after another."""
    up: Tensor
    """(N, R), zero where a module's outputs meet another's rank; scaled."""

    def add_to(self, product: Tensor, rows: Tensor) -> Tensor:
        """Returns the product (M, N) of rows (M, K) with what the version adds to it."""
        return torch.addmm(product, rows @ self.down.t(), self.up.t())


class LoraDeltas(NamedTuple):
    """What a version adds; what it leaves alone is absent."""

    blocks: list[dict[str, LoraDelta]]
    """For each block, by the names of `PROJECTIONS`."""
    head: LoraDelta | None


def read_deltas(model: Any, inner: str, dtype: torch.dtype) -> LoraDeltas:
    """Returns the version that peft calls `inner`. Raises `UnknownLayout` where it changes more
    than the products of the blocks and of the head."""
    blocks = []
    n_found = int(_has(model.lm_head, inner))
    for layer in model.model.layers:
        found = {}
        for name, (room, parts) in PROJECTIONS.items():
            modules = [getattr(getattr(layer, room), part) for part in parts]
            n_found += sum(_has(module, inner) for module in modules)
            if any(_has(module, inner) for module in modules):
                found[name] = _joined(modules, inner, dtype)
        blocks.append(found)
    if n_found != sum(_has(module, inner) for module in model.modules()):
        raise UnknownLayout("the version changes more than the layers' own products")
    return LoraDeltas(
        blocks, _joined([model.lm_head], inner, dtype) if _has(model.lm_head, inner) else None
    )


def _has(module: Any, inner: str) -> bool:
    if not isinstance(module, LoraLayer):
        return False
    return inner in module.lora_A or inner in module.lora_embedding_A


def _joined(modules: Sequence[Any], inner: str, dtype: torch.dtype) -> LoraDelta:
    downs, ups, widths = [], [], []
    for module in modules:
        widths.append(module.out_features)
        if _has(module, inner):
            downs.append(module.lora_A[inner].weight.detach())
            ups.append(module.lora_B[inner].weight.detach() * module.scaling[inner])
        else:
            downs.append(module.weight.new_zeros(0, module.in_features))
            ups.append(module.weight.new_zeros(module.out_features, 0))
    down = torch.cat([one.to(dtype) for one in downs])  # (R, K)
    up = down.new_zeros(sum(widths), down.shape[0])  # (N, R)
    row = column = 0
    for width, one in zip(widths, ups, strict=True):
        up[row : row + width, column : column + one.shape[1]] = one
        row, column = row + width, column + one.shape[1]
    return LoraDelta(down, up)
