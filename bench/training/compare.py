"""Runs sides that make the same steps in turn, and computes the ratios between two of them."""

from collections.abc import Mapping
from contextlib import ExitStack
from statistics import median
from typing import Any, NamedTuple

from bench.training.data import Settings, Task
from bench.training.side import run_side
from bench.training.turns import Side


class Measured(NamedTuple):
    """The cost of one side, without the warm-up step."""

    settings: Settings
    costs_s: list[float]
    """Cost of each step."""
    reference_s: float
    """Cost of the reference pass for one step's examples; 0 where there was no separate pass."""
    peak_extra_mb: float
    """Highest memory of the run above that of the loaded model."""
    n_examples: int
    """Pairs of a step, or examples that are imitated."""
    noted: dict[str, Any]
    """What the side says of itself."""

    @property
    def rate(self) -> float:
        """Examples a second."""
        return median(self.n_examples / cost_s for cost_s in self.costs_s)

    def as_json(self) -> dict[str, Any]:
        return {
            "settings": dict(self.settings),
            "rate": self.rate,
            "peak_extra_mb": self.peak_extra_mb,
            "reference_rate": self.n_examples / self.reference_s if self.reference_s else None,
            **self.noted,
        }


def take_turns(
    task: Task, sides: Mapping[str, Settings], *, tuned_malloc: bool = True
) -> dict[str, Measured]:
    """Keeps all sides alive and lets each make one step, round by round."""
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(Side(run_side, task, settings, tuned_malloc))
            for name, settings in sides.items()
        }
        for side in running.values():
            side.prepare()
        for _ in range(task.n_steps):
            for side in running.values():
                side.step()
        return {
            name: Measured(
                side.settings,
                side.costs_s[1:],
                side.facts["reference_s"] / task.n_steps,
                side.facts["peak_extra_mb"],
                task.prompts_per_step * task.n_pairs,
                side.facts["noted"],
            )
            for name, side in running.items()
        }


def fastest(measured: Mapping[str, Measured], side: str, **having: Any) -> Measured:
    """Returns the side of this name with the highest rate, among those with these settings."""
    wanted = {"side": side} | having
    found = [each for each in measured.values() if wanted.items() <= each.settings.items()]
    return max(found, key=lambda each: each.rate)


def speed_ratio(ours: Measured, theirs: Measured) -> float:
    """Returns how many times faster ours is: the median over the steps that both made."""
    steps = zip(ours.costs_s, theirs.costs_s, strict=True)
    return median(their_s / our_s for our_s, their_s in steps)


def epochs_ratio(ours: Measured, theirs: Measured, n_epochs: int) -> float:
    """Returns the same over epochs that begin with one reference pass, unless each step has one."""
    ours_s, theirs_s = (
        n_epochs * median(each.costs_s) + each.reference_s for each in (ours, theirs)
    )
    return theirs_s / ours_s


def memory_ratio(ours: Measured, theirs: Measured) -> float:
    """Returns our memory as a share of theirs."""
    return ours.peak_extra_mb / theirs.peak_extra_mb
