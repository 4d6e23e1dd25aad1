"""Detects failed allocations, frees memory after them, and reads the peak."""

import gc
import resource
import sys

import torch
from torch import nn

OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError, RuntimeError)
"""Errors of a failed allocation; a CPU's is a plain RuntimeError."""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether the error is a failed allocation: a RuntimeError may be anything."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def free_memory(model: nn.Module) -> None:
    """Drops unfinished gradients and everything that only the failed attempt held."""
    model.zero_grad(set_to_none=True)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak_gb(device: torch.device) -> float:
    """Returns the most memory this process has held so far, on the device it trains on."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9
