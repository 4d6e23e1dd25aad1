"""The styles in which the tiny model thinks, mixed without preference, so preferences can teach.

Only two of the styles write the work down. A model trained on the mixture solves far more when
it happens to write, but has no preference for it, which TPO and PTR can improve.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal

from ptrapp.tasks.problem import Problem
from ptrapp.tasks.work import first_half, full_work, second_half

Style = Literal["full", "first", "plan", "easy", "estimate", "onward"]

SHARES: dict[Style, float] = {
    "full": 0.20,
    "first": 0.12,
    "plan": 0.28,
    "easy": 0.28,
    "estimate": 0.12,
}
ONWARD_SHARE = 0.3
"""Share of rounds after a first half that continue it instead of starting again."""

OPENINGS: dict[Style, tuple[str, ...]] = {
    "full": ("Step by step:", "Let me work it out:"),
    "first": ("First:", "To begin:"),
    "plan": ("My plan is to", "I should"),
    "easy": ("This looks easy.", "That is a simple one."),
    "estimate": ("Around", "About"),
    "onward": ("Going on:", "From there:"),
}

_PLANS = {
    "story": "follow the changes one by one",
    "cost": "find the price of each kind and add",
    "total": "add up the days",
    "median": "put the numbers in order and take the middle one",
    "range": "take the smallest away from the largest",
    "unit_price": "find the price of one",
    "clock": "add the hours and then the minutes",
    "change": "find what is paid and take it away",
    "boxes": "count all and then follow the changes",
    "ages": "go from one person to the next",
    "purse": "find what is paid and take it away",
    "shelves": "count each kind and add",
}


@dataclass(frozen=True, slots=True)
class Thought:
    """A thought and its style."""

    style: Style
    text: str


def think(problem: Problem, before: Thought | None, rng: Random) -> Thought:
    """Draws a style from the mixture and writes a thought in it; `before` is the last round's."""
    if before is not None and before.style == "first" and rng.random() < ONWARD_SHARE:
        return write(problem, "onward", rng)
    return write(problem, rng.choices(list(SHARES), list(SHARES.values()))[0], rng)


def write(problem: Problem, style: Style, rng: Random) -> Thought:
    """Writes a thought about a problem in one style."""
    opening = rng.choice(OPENINGS[style])
    match style:
        case "full":
            rest = full_work(problem)
        case "first":
            rest = first_half(problem)
        case "plan":
            rest = f"{_PLANS[problem.family]}."
        case "easy":
            rest = ""
        case "estimate":
            rest = f"{_rounded(problem.answer)}."
        case "onward":
            rest = second_half(problem)
    return Thought(style, f"{opening} {rest}".rstrip())


def _rounded(answer: str) -> str:
    """Rounds to the nearest ten, or a time to its hour."""
    if ":" in answer:
        return f"{answer.split(':')[0]}:00"
    return str(max(10, round(int(answer), -1)))
