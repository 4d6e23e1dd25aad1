"""Written work for a problem: whole, its first half, or the half that goes on from there."""

from ptrapp.tasks.problem import Problem


def full_work(problem: Problem) -> str:
    return " ".join(problem.steps)


def first_half(problem: Problem) -> str:
    """The first half of the steps, the shorter one when their number is odd; never empty."""
    return " ".join(problem.steps[: _half(problem)])


def second_half(problem: Problem) -> str:
    """The steps after `first_half`, up to the answer; never empty."""
    return " ".join(problem.steps[_half(problem) :])


def _half(problem: Problem) -> int:
    return len(problem.steps) // 2
