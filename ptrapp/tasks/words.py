"""Lists the people and things that problems are about."""

from typing import NamedTuple


class Character(NamedTuple):
    name: str
    he: str


PEOPLE = tuple(
    [
        Character(name, "He")
        for name in ("Tom", "Ben", "Max", "Sam", "Leo", "Noah", "Adam", "Paul", "Omar", "Ravi")
    ]
    + [
        Character(name, "She")
        for name in ("Ann", "Mia", "Eva", "Lisa", "Sara", "Nina", "Zoe", "Emma", "Aisha", "Yuki")
    ]
)
ITEMS = (
    "apples",
    "books",
    "pens",
    "balls",
    "cards",
    "coins",
    "eggs",
    "shells",
    "stamps",
    "marbles",
    "roses",
    "cups",
)
COSTLY = ("pen", "book", "cup", "ball", "cake", "toy", "hat", "ticket", "lamp", "map")
CONTAINERS = ("box", "bag", "basket", "shelf", "jar", "crate")
GAINS = ("buys", "finds", "gets")
LOSSES = ("gives away", "loses", "sells")
DONE_DAILY = (
    ("reads", "pages"),
    ("bakes", "cakes"),
    ("walks", "miles"),
    ("picks", "apples"),
    ("writes", "cards"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_IRREGULAR = {"box": "boxes", "shelf": "shelves"}


def plural(noun: str) -> str:
    return _IRREGULAR.get(noun, f"{noun}s")


def times(left: int, right: int) -> str:
    """Returns the step that multiplies: "3 × 4 = 12."."""
    return f"{left} × {right} = {left * right}."
