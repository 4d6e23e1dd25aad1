"""Work that may take long and cannot be interrupted, done so that the job can be."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from training.jobs.claim import Claim, StopRequested

LOOK_S = 0.2
"""Seconds between two looks at whether the job shall end."""

T = TypeVar("T")


class Patience:
    """Waits for one piece of work at a time, in a thread of its own."""

    def __init__(self, claim: Claim, pool: ThreadPoolExecutor) -> None:
        self._claim = claim
        self._pool = pool

    def await_(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Raises `StopRequested` and leaves it to itself."""
        doing = self._pool.submit(work)
        while not doing.done():
            if self._claim.stop.is_set():
                raise StopRequested
            wait([doing], LOOK_S)
        return doing.result()


@contextmanager
def patience(claim: Claim) -> Iterator[Patience]:
    """A thread to wait for; what it has not finished at the end is not waited for."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="judge")
    try:
        yield Patience(claim, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
