"""Writes a problem's worked solution: the whole, its first half, or its second half."""

from ptrapp.tasks.problem import Problem


def full_work(problem: Problem) -> str:
    return " ".join(problem.steps)


def first_half(problem: Problem) -> str:
    """Returns the first half of the steps, the shorter one of an odd number; never empty."""
    return " ".join(problem.steps[: _half(problem)])


def second_half(problem: Problem) -> str:
    """Returns the steps after `first_half`, up to the answer; never empty."""
    return " ".join(problem.steps[_half(problem) :])


def _half(problem: Problem) -> int:
    return len(problem.steps) // 2
