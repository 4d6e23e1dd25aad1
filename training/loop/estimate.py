"""Estimates the time and memory of a training from one measured micro-step."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ptrapp.core.counts import counted
from training.data.batches import Item, build
from training.data.plan import cut
from training.loop.memory import OUT_OF_MEMORY, free_memory, is_out_of_memory, peak_gb
from training.loop.objectives import ObjectiveFunction
from training.policy.scorer import Scorer


@dataclass(frozen=True, slots=True)
class Estimate:
    """The measured speed and memory, and the time they predict."""

    seconds: float
    peak_gb: float
    tokens_per_s: float
    token_budget: int
    """The budget that fitted: the one asked for, halved as often as needed."""

    def in_words(self, n_steps: int) -> str:
        """Returns the estimate as a sentence."""
        speed = f"{self.tokens_per_s:,.0f} tokens/s"
        minutes = f"{self.seconds / 60:.0f} min" if self.seconds > 90 else f"{self.seconds:.0f} s"
        return (
            f"About {minutes} for {counted(n_steps, 'step')}, {self.peak_gb:.1f} GB of memory, by "
            f"a measured micro-step of at most {self.token_budget:,} tokens ({speed})."
        )


def estimate(
    scorer: Scorer,
    objective: ObjectiveFunction,
    items: Sequence[Item],
    plan: Sequence[Sequence[int]],
    *,
    token_budget: int,
    pad_id: int,
) -> Estimate:
    """Runs the largest micro-batch of the plan forward and backward, twice, without learning.

    The first run warms up, and finds out whether it fits: the budget is halved until it does.
    """
    rows, device = scorer.layout.rows, next(scorer.parameters()).device
    scorer.train()
    while True:
        groups = cut(items, rows, token_budget)
        group = max(groups, key=lambda group: sum(item.encoded.n_tokens for item in group))
        batch = build(group, rows, pad_id).to(device)
        try:
            for _ in range(2):
                began = time.monotonic()
                objective(scorer(batch), batch).loss.mean().backward()
                seconds = time.monotonic() - began
                scorer.zero_grad(set_to_none=True)
            break
        except OUT_OF_MEMORY as error:
            if not is_out_of_memory(error) or len(groups) == len(items):
                raise
            token_budget //= 2
        free_memory(scorer)
    tokens_per_s = sum(item.encoded.n_tokens for item in group) / max(seconds, 1e-9)
    n_tokens = sum(items[index].encoded.n_tokens for step in plan for index in step)
    return Estimate(n_tokens / tokens_per_s, peak_gb(device), tokens_per_s, token_budget)
