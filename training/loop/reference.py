"""Computes log-probabilities under the reference once and caches them beside the snapshot."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from training.data.batches import Item, build
from training.data.plan import cut
from training.data.tokens import Encoded
from training.jobs import atomic_write
from training.jobs.claim import REPORT_EVERY_S, Claim, StopRequested
from training.jobs.ranks import Ranks
from training.loop.objectives import sequence_logps
from training.policy.scorer import Scorer

PHASE = "computing the reference"
FORWARDS_OF_A_STEP = 3
"""A forward and a backward pass take about as long as three forward passes."""


def reference_logps(
    scorer: Scorer,
    examples: Sequence[Encoded],
    claim: Claim,
    ranks: Ranks,
    *,
    key: str,
    token_budget: int,
    pad_id: int,
    epochs: int,
) -> list[tuple[float, ...]]:
    """Returns log-probabilities of each example's completions, in the order of the examples.

    Call it before the first step: the model then *is* the reference, be that the base or the
    parent version. `key` names what the values depend on; a resumed job reads them back. Several
    processes share the work. The time left that is reported has the `epochs` of training in it
    that follow, by the speed of these forward passes.
    """
    claim.enter(PHASE)
    cache = claim.folder / "reference.json"
    known = _read(cache, key, len(examples))
    if ranks.any(known is None):
        known = _compute(scorer, examples, claim, ranks, token_budget, pad_id, epochs)
        if ranks.leads:
            atomic_write.write(cache, json.dumps({"key": key, "logps": known}).encode())
        ranks.wait()
    assert known is not None, "read or computed"
    return known


def _compute(
    scorer: Scorer,
    examples: Sequence[Encoded],
    claim: Claim,
    ranks: Ranks,
    token_budget: int,
    pad_id: int,
    epochs: int,
) -> list[tuple[float, ...]]:
    rows, device = scorer.layout.rows, next(scorer.parameters()).device
    items = [Item(example) for example in examples]
    index_of = {id(item): index for index, item in enumerate(items)}
    groups = cut(items, rows, token_budget)[ranks.index :: ranks.n]
    scorer.eval()
    own: list[tuple[int, list[float]]] = []
    began = reported = time.monotonic()
    for n_done, group in enumerate(groups):
        if claim.stop.is_set():
            raise StopRequested
        now = time.monotonic()
        if n_done and now - reported >= REPORT_EVERY_S:
            passes_left = len(groups) * (1 + FORWARDS_OF_A_STEP * epochs) - n_done
            if claim.report(PHASE, 0, 0, (now - began) / n_done * passes_left):
                reported = now
        batch = build(group, rows, pad_id).to(device)
        with torch.no_grad():
            values_left = iter(sequence_logps(scorer(batch), batch).tolist())
        own += [
            (index_of[id(item)], [next(values_left) for _ in item.encoded.completions])
            for item in group
        ]
    values: list[tuple[float, ...]] = [()] * len(examples)
    for index, logps in ranks.gather(own):
        values[index] = tuple(logps)
    return values


def _read(path: Path, key: str, n_examples: int) -> list[tuple[float, ...]] | None:
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if stored["key"] != key or len(stored["logps"]) != n_examples:
        return None
    return [tuple(rows) for rows in stored["logps"]]
