"""The device models run on: the accelerator that PyTorch has, or the CPU.

Tried on a CPU and on CUDA. ROCm calls itself `cuda`; `mps` (Apple) and `xpu` (Intel) are taken
where PyTorch has them, and nobody has tried them here.
"""

import torch

from ptrapp.core.errors import ModelUnusable


def best_device(wanted: str = "auto") -> str:
    """Returns the type of the device that `wanted` means, such as `cpu`, `cuda`, `mps` or `xpu`.

    `auto` is the accelerator there is, else the CPU. Raises `ModelUnusable` for one there is not.
    """
    found = torch.accelerator.current_accelerator(check_available=True)
    there = found.type if found is not None else "cpu"
    if wanted == "auto":
        return there
    if wanted not in ("cpu", there):
        other = "no accelerator" if there == "cpu" else f"{there} alone"
        raise ModelUnusable(f"The device is {wanted}, but PyTorch sees {other}. Use auto or cpu.")
    return wanted
