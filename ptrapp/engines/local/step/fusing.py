"""The pointwise parts of a step as one kernel each, where PyTorch can compile them."""

import logging
from typing import Any, TypedDict

import torch

from ptrapp.engines.local.step.plain import Fused, gated, rotate

log = logging.getLogger(__name__)

_FAILS = (RuntimeError, ImportError, OSError, ValueError, TypeError, AssertionError)
"""Raised where there is no compiler, or one that does not fit this device."""


class FusedParts(TypedDict):
    """The parts of `PlainStep` that may be compiled."""

    rotate: Fused
    gated: Fused


def fused_parts(device: torch.device, backend: str = "inductor") -> FusedParts:
    """Returns both compiled on CUDA (seconds, once), and as they are elsewhere or where compiling
    fails: a GPU's driver then launches three times as many kernels."""
    plain = FusedParts(rotate=rotate, gated=gated)
    if device.type != "cuda" and backend == "inductor":
        return plain
    compiled = FusedParts(rotate=_compiled(rotate, backend), gated=_compiled(gated, backend))
    try:
        for n_rows in (1, 2, 4):  # one row, any number, and that no more is compiled for it
            heads = torch.zeros(n_rows, 1, 6, 8, device=device, dtype=torch.bfloat16)
            compiled["rotate"](heads, heads[:, :, :1], heads[:, :, :1])
            compiled["gated"](heads.flatten(1))
    except _FAILS as error:
        log.warning("the step is not compiled: %s", str(error).partition("\n")[0])
        return plain
    return compiled


def _compiled(part: Fused, backend: str) -> Any:
    return torch.compile(part, backend=backend, fullgraph=True)
