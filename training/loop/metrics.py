"""Figures of many micro-batches as means over examples, over all processes."""

from collections import defaultdict

from torch import Tensor

from training.data.batches import MicroBatch
from training.jobs.ranks import Ranks


class Metrics:
    """Sums over the examples of this process that count: a repeated micro-batch does not."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = defaultdict(float)

    def add(self, metrics: dict[str, Tensor], batch: MicroBatch) -> None:
        counts = (batch.example_weights > 0).double()  # (b,)
        for name, values in metrics.items():
            self.sums[name] += (values.detach() * counts).sum().item()
        self.sums["n_examples"] += counts.sum().item()
        if counts.any():
            self.sums["n_tokens"] += batch.inputs.input_ids.numel()

    def means(self, ranks: Ranks) -> dict[str, float]:
        """Over the examples of all processes, each of which must ask; `n_tokens` stays a sum."""
        held: dict[str, float] = defaultdict(float)
        for part in ranks.gather([dict(self.sums)]):
            for name, value in part.items():
                held[name] += value
        n_examples, n_tokens = held.pop("n_examples"), held.pop("n_tokens")
        return {name: value / n_examples for name, value in held.items()} | {"n_tokens": n_tokens}
