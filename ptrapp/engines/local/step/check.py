"""Compares a step of ours with the model's own forward, on ids drawn from its whole vocabulary."""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from ptrapp.engines.local.kv import slice_kv, stack_rows
from ptrapp.engines.local.step.forward import ModelForward

LENGTHS = (9, 6)
"""Tokens of two rows; all but the last two of each are read at once, padded, as prompts are."""
TOLERANCE = {"float32": 1e-5, "float16": 1e-4, "bfloat16": 0.03, "int8": 0.1}
"""Divergence from the model's own forward that rounding explains, in nats, by the type of the
weights; a layout that was misread causes far more."""


@torch.inference_mode()
def divergence(forward: ModelForward, own: ModelForward, adapter: str | None = None) -> float:
    """Returns the mean divergence KL(own ‖ ours) of the next token, in nats.

    The version must be active in the model. NaN where either side answers with NaN.
    """
    vocabulary, device = _vocabulary(own.model)
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randint(vocabulary, (n,), generator=draw).to(device) for n in LENGTHS]
    expected = torch.cat([_alone(own, adapter, row) for row in rows]).float().log_softmax(-1)
    found = _together(forward, adapter, rows).float().log_softmax(-1)
    return float((expected.exp() * (expected - found)).sum(-1).mean())


def _alone(forward: ModelForward, adapter: str | None, row: Tensor) -> Tensor:
    """Returns the logits after the last two of a row's ids (2, V), each read from its beginning."""
    logits = []
    for end in (len(row) - 1, len(row)):
        positions = torch.arange(end, device=row.device)[None]
        cache = DynamicCache(config=forward.model.config)
        logits.append(forward(adapter, row[None, :end], None, positions, cache))
    return torch.cat(logits)


def _together(forward: ModelForward, adapter: str | None, rows: list[Tensor]) -> Tensor:
    """Returns the same for all rows, read together: prompts padded, then two steps (2 R, V)."""
    width = max(LENGTHS) - 2
    device = rows[0].device
    pads = torch.tensor([width - (n - 2) for n in LENGTHS], device=device)[:, None]  # (R, 1)
    columns = torch.arange(width + 2, device=device)[None]
    mask = (columns >= pads).long()  # (R, W + 2)
    positions = (columns - pads).clamp(min=0)
    ids = torch.stack([torch.nn.functional.pad(row, (width + 2 - len(row), 0)) for row in rows])
    cache = DynamicCache(config=forward.model.config)
    forward(adapter, ids[:, :width], mask[:, :width], positions[:, :width], cache)
    apart = [slice_kv(cache, slice(at, at + 1)) for at in range(len(rows))]
    cache = stack_rows([(kv, 1) for kv in apart], width)  # as a batch holds it
    steps = []
    for at in (width, width + 1):
        new = slice(at, at + 1)
        steps.append(forward(adapter, ids[:, new], mask[:, : at + 1], positions[:, new], cache))
    return torch.stack(steps, dim=1).flatten(0, 1)


def _vocabulary(model: Any) -> tuple[int, torch.device]:
    weight = model.get_input_embeddings().weight
    return int(weight.shape[0]), weight.device
