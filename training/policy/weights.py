"""Saves and loads the trained weights as one file, whatever engine shards them in memory."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    set_model_state_dict,
)

from training.jobs import atomic_write

FILE = "trained.safetensors"


def trained_weights(model: nn.Module) -> dict[str, Tensor]:
    """Returns every weight with a gradient, on the CPU.

    Under FSDP all processes must call this together, and only the first gets the weights.
    """
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state: dict[str, Any] = get_model_state_dict(model, options=options)
    # Of a frozen embedding that is the output head too, the second name would be left.
    named = model.named_parameters(remove_duplicate=False)
    frozen = {name for name, weight in named if not weight.requires_grad}
    return {name: w.detach().clone() for name, w in state.items() if name not in frozen}


def save_weights(folder: Path, weights: dict[str, Tensor]) -> None:
    """Writes weights to `FILE` in the folder."""
    atomic_write.write(folder / FILE, save(weights))


def load_weights(folder: Path, model: nn.Module) -> None:
    """Loads saved weights into a model, sharded or not; frozen weights stay as they are."""
    options = StateDictOptions(full_state_dict=True, strict=False)
    state: dict[str, Any] = load_file(folder / FILE)
    set_model_state_dict(model, state, options=options)
