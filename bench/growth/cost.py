"""Measures what an action costs a program: seconds by the clock and of the CPU, and memory."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.labels.processes import Program


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one action."""

    ms: float
    cpu_ms: float
    """Of the program and its children: on a busy machine the clock counts others' work too."""
    peak_mib: float | None
    """The most memory that the program had meanwhile; None where the system does not tell."""


def cost_of(program: Program, action: Callable[[], Any]) -> Cost:
    _forget_peak(program.pid)
    before, started = program.usage().cpu_s, perf_counter()
    action()
    seconds = perf_counter() - started
    cpu_s = program.usage().cpu_s - before
    return Cost(round(1000 * seconds, 1), round(1000 * cpu_s, 1), _peak_mib(program.pid))


def summary(costs: list[Cost]) -> dict[str, float | None]:
    """Returns the median of the times and the largest memory."""
    peaks = [cost.peak_mib for cost in costs if cost.peak_mib is not None]
    return {
        "ms": median(cost.ms for cost in costs),
        "cpu_ms": round(sum(cost.cpu_ms for cost in costs) / len(costs), 1),  # it has steps of 10
        "peak_mib": max(peaks, default=None),
    }


def _forget_peak(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak_mib(pid: int) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)
