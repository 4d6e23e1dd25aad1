"""Keeps the trained weights of every checkpoint until one of them is selected.

A checkpoint with its optimiser state is deleted for the next one; its trained weights are small.
"""

from pathlib import Path
from typing import Any

from safetensors.torch import load
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.jobs import atomic_write
from training.jobs.ranks import Ranks
from training.policy.weights import FILE


class SaveWeights(TrainerCallback):
    """Copies the trained weights of every planned checkpoint, the last step's included."""

    def __init__(self, folder: Path, ranks: Ranks) -> None:
        self._folder = folder
        self._ranks = ranks

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        step = state.global_step
        # The checkpoint that a stop saves between two planned ones is not a candidate.
        if self._ranks.leads and (step % int(args.save_steps) == 0 or step >= state.max_steps):
            checkpoint = Path(args.output_dir or ".") / f"checkpoint-{step}"
            atomic_write.write(_file(self._folder, step), (checkpoint / FILE).read_bytes())


def saved_steps(folder: Path) -> list[int]:
    """Returns the steps whose weights are saved, in order."""
    return sorted(int(path.stem) for path in folder.glob("*.safetensors"))


def saved_weights(folder: Path, step: int) -> dict[str, Tensor]:
    """Returns the weights trained until `step`, named as in the scorer."""
    return load(_file(folder, step).read_bytes())


def _file(folder: Path, step: int) -> Path:
    return folder / f"{step}.safetensors"
