"""Averages the metrics of micro-batches over examples and over all processes."""

from collections import defaultdict

from torch import Tensor

from training.data.batches import MicroBatch
from training.jobs.ranks import Ranks


class Metrics:
    """Sums over the examples of this process; a repeated micro-batch of weight 0 is not counted."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = defaultdict(float)

    def add(self, metrics: dict[str, Tensor], batch: MicroBatch) -> None:
        """Adds a micro-batch's metrics, (b,) each."""
        counts = (batch.example_weights > 0).double()  # (b,)
        for name, values in metrics.items():
            self.sums[name] += (values.detach() * counts).sum().item()
        self.sums["n_examples"] += counts.sum().item()
        if counts.any():
            self.sums["n_tokens"] += batch.inputs.input_ids.numel()

    def means(self, ranks: Ranks) -> dict[str, float]:
        """Returns means over the examples of all processes; `n_tokens` stays a sum.

        Every process must call this.
        """
        totals: dict[str, float] = defaultdict(float)
        for part in ranks.gather([dict(self.sums)]):
            for name, value in part.items():
                totals[name] += value
        n_examples, n_tokens = totals.pop("n_examples"), totals.pop("n_tokens")
        return {name: value / n_examples for name, value in totals.items()} | {"n_tokens": n_tokens}
