"""Chooses the number of threads a model is computed with, by what is measured."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import prod
from typing import TypeVar

import torch

T = TypeVar("T")

GAIN = 1.15
"""More threads are taken when they are faster by this factor: others need the cores as well."""


def counts(n_cores: int) -> list[int]:
    """Returns the numbers of threads that are tried: powers of two, and all cores."""
    return sorted({*(2**n for n in range(n_cores.bit_length()) if 2**n < n_cores), n_cores})


def choose_threads(measure: Callable[[], list[float]]) -> int:
    """Returns how many threads are worth it; `measure` returns seconds of a few pieces of work.

    More are tried as long as they pay, so that many cores do not make a start long.
    """
    best, best_s = 1, [0.0]
    for n_threads in counts(available_cores()):
        with using(n_threads):
            found = measure()
        if n_threads > 1:
            gain = prod(a / b for a, b in zip(best_s, found, strict=True)) ** (1 / len(found))
            if gain < GAIN:
                return best
        best, best_s = n_threads, found
    return best


def available_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def using(n_threads: int) -> Iterator[None]:
    """Computes with so many threads, in this thread of the program; 0 leaves them."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def apart(work: Callable[[], T]) -> T:
    """Does work in a thread that ends with it, and with that thread the team it computed with.

    OpenMP keeps a team for every thread that ever computed with several. Once all teams together
    are more threads than there are cores, it lets them sleep between two products, and waking them
    costs a step of SmolLM2-135M on two cores half as much again (22 ms against 15).
    """
    with ThreadPoolExecutor(1) as short_lived:
        return short_lived.submit(work).result()
