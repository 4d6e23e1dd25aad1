"""Chooses the number format of a base model on a CPU, by what the products of one block take.

Some processors multiply bfloat16 two to four times as fast as float32, others several times more
slowly; no list of them would be right for long.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from ptrapp.engines.local.step.choice import SMALL_PARAMETERS
from ptrapp.recipes.training import Precision

GAIN = 1.2
"""bfloat16 is taken when it is faster by this factor: it rounds more."""
MOST_S = 1.0
"""Seconds after which no further round is measured."""
MOST_ROUNDS = 3
OPERATIONS = 4e9
"""Multiplications of one round forward and backward, about; large blocks get fewer rows."""

Shape = tuple[int, int]
"""Rows and columns of a weight matrix: out, in."""


class PrecisionChoice(NamedTuple):
    """A precision, and why, as half a sentence."""

    precision: Precision
    about: str


PLAIN_PRECISION = PrecisionChoice(Precision.FLOAT32, "float32")
"""Without a measurement: what every processor computes in."""


def choose_precision(model: PreTrainedModel) -> PrecisionChoice:
    """Chooses between float32 and bfloat16 for a model on a CPU.

    A small model stays in float32 without a measurement: its products are too small to gain.
    """
    shapes = block_shapes(model)
    if model.num_parameters() < SMALL_PARAMETERS or not shapes:
        return PLAIN_PRECISION
    return precision_of_gain(measure_gain(shapes))


def precision_of_gain(gain: float) -> PrecisionChoice:
    """Returns bfloat16 if it is faster by `GAIN` or more, else float32."""
    said = f"bfloat16 was measured {gain:.1f} times as fast as float32 here"
    if gain < GAIN:
        return PrecisionChoice(Precision.FLOAT32, f"float32 ({said})")
    return PrecisionChoice(Precision.BFLOAT16, f"bfloat16 ({said})")


def block_shapes(model: nn.Module) -> list[Shape]:
    """Returns the shapes of the linear layers of a model's first block."""
    blocks = (each for each in model.modules() if isinstance(each, GradientCheckpointingLayer))
    block = next(blocks, None)
    if block is None:
        return []
    return [
        (each.out_features, each.in_features)
        for each in block.modules()
        if isinstance(each, nn.Linear)
    ]


def measure_gain(shapes: Sequence[Shape]) -> float:
    """Returns how many times as fast the products run in bfloat16, forward and backward.

    Both formats take turns, and the best of each counts.
    """
    n_weights = sum(n_out * n_in for n_out, n_in in shapes)
    n_rows = int(min(256, max(16, OPERATIONS / (2 * n_weights))))
    matrices = [torch.ones(shape) for shape in shapes]
    forms = {form: [each.to(form) for each in matrices] for form in (torch.float32, torch.bfloat16)}
    best = dict.fromkeys(forms, float("inf"))
    began = time.perf_counter()
    for _ in range(MOST_ROUNDS):
        for form, weights in forms.items():
            best[form] = min(best[form], _seconds(weights, n_rows))
        if time.perf_counter() - began > MOST_S:
            break
    return best[torch.float32] / best[torch.bfloat16]


def _seconds(weights: Sequence[Tensor], n_rows: int) -> float:
    """Returns what the products of a block take on `n_rows` tokens, forward and to the inputs.

    It is this process's processor time, which others on a busy machine change least.
    """
    began = time.process_time()
    for weight in weights:
        rows = torch.ones(n_rows, weight.shape[1], dtype=weight.dtype)  # (n, in)
        (rows @ weight.t()) @ weight
    return time.process_time() - began
