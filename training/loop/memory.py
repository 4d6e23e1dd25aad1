"""Detects failed allocations, frees memory after them, and reads the peak and what is free."""

import ctypes
import gc
import resource
import sys

import psutil
import torch
from torch import nn

from training.loop.control_groups import allowed_bytes

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
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


def peak_gb(device: torch.device) -> float:
    """Returns the most memory this process has held so far, on the device it trains on.

    Where PyTorch does not count a device's memory, it is that of the process.
    """
    if device.type != "cpu":
        try:
            return torch.accelerator.max_memory_allocated(device) / 1e9
        except _NOT_COUNTED:
            pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def free_bytes(device: torch.device) -> int:
    """Returns the memory that is free for a training, in this machine, container or accelerator.

    An accelerator whose memory PyTorch does not count shares it with the machine (Apple's mps).
    """
    if device.type != "cpu":
        try:
            free, _ = torch.accelerator.get_memory_info(device)
            unused = torch.accelerator.memory_reserved(device)
            return free + unused - torch.accelerator.memory_allocated(device)
        except _NOT_COUNTED:
            pass
    return min(psutil.virtual_memory().available, allowed_bytes())


def return_freed_memory() -> None:
    """Has glibc return what is freed to the system at once, where the memory is glibc's.

    Else it keeps what was freed between activations that are kept: where they are recomputed, a
    step of 800 tokens of a model of 135M then took 0.6 MB a token instead of 0.15.
    """
    try:
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 16)
    except (OSError, TypeError, AttributeError):
        return  # another libc, or none that can be named


_M_MMAP_THRESHOLD = -3
"""glibc's parameter (malloc.h): blocks from this size on are mapped, and unmapped when freed."""
_NOT_COUNTED = (RuntimeError, NotImplementedError, AssertionError, AttributeError)
"""Raised by `torch.accelerator` for a device of which it does not know the memory."""
