"""Log-probabilities of the data before the first step: computed once, kept beside the snapshot."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from training import durable
from training.batches import Item, micro_batches
from training.claim import Claim, StopRequested
from training.encode import Encoded
from training.logps import sequence_logps, token_logps


def reference_logps(
    model: nn.Module,
    examples: Sequence[Encoded],
    claim: Claim,
    *,
    key: str,
    token_budget: int,
    pad_id: int,
) -> list[tuple[float, ...]]:
    """Log-probabilities of each example's rows under `model`, in the order of the examples.

    Call it before the first step: the model then *is* the reference, be that the base or the
    parent version. `key` names what the values depend on; a resumed job reads them back.
    """
    cache = claim.folder / "reference.json"
    if (known := _read(cache, key, len(examples))) is not None:
        return known
    model.eval()
    order = sorted(range(len(examples)), key=lambda index: -examples[index].n_tokens)
    items = [Item(examples[index], ()) for index in order]
    flat: list[float] = []
    for batch in micro_batches(items, token_budget, pad_id):
        if claim.stop.is_set():
            raise StopRequested
        batch = batch.to(next(model.parameters()).device)
        with torch.no_grad():
            flat += sequence_logps(token_logps(model, batch), len(batch.input_ids)).tolist()
    values: list[tuple[float, ...]] = [()] * len(examples)
    rows = iter(flat)
    for index in order:
        values[index] = tuple(next(rows) for _ in examples[index].rows)
    durable.write(cache, json.dumps({"key": key, "logps": values}).encode())
    return values


def _read(path: Path, key: str, n_examples: int) -> list[tuple[float, ...]] | None:
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if stored["key"] != key or len(stored["logps"]) != n_examples:
        return None
    return [tuple(rows) for rows in stored["logps"]]
