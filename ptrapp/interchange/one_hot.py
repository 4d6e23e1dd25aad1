"""Finds columns of 0 and 1 that each say of one text whether it won or lost, or that it was a tie.

Arenas write `winner_model_a`, `winner_model_b` and `winner_tie`; others `a_wins`, `b_lost`. A 1 is
clear by the column's name. A 0 in the only such column may be the other text or a tie: it is read
where somebody says so, and refused else.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ptrapp.core.errors import AnswerUnclear, BadRow
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange.meaning import NEUTRAL, words_of
from ptrapp.interchange.profile import Column
from ptrapp.interchange.sides import Sides

YES, NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})
_WON = frozenset(
    {
        "win", "wins", "won", "winner", "winning", "better", "best", "prefer", "prefers",
        "preferred", "preference", "chosen", "selected", "picked", "beats", "accepted",
    }
)  # fmt: skip
_LOST = frozenset(
    {
        "lose", "loses", "lost", "loser", "losing", "worse", "worst", "rejected", "dispreferred",
        "unpreferred", "nonpreferred",
    }
)  # fmt: skip
_TIES = frozenset({"tie", "tied", "ties", "draw", "equal"})
_BOTH_BAD = (("both", "bad"), ("bothbad",), ("tie", "both", "bad"), ("tie", "bothbad"))
_PLACES = {
    "a": Choice.LEFT, "left": Choice.LEFT, "first": Choice.LEFT,
    "b": Choice.RIGHT, "right": Choice.RIGHT, "second": Choice.RIGHT,
}  # fmt: skip
_DIGITS = ("0", "1", "2")
_OTHER = {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}
_THAN = frozenset({"than", "over"})
_INSTEAD = "write the name of the better text, or tie, into a column called winner instead"


class Mark(NamedTuple):
    """What a 1 in a column says."""

    choice: Choice
    is_lost: bool = False
    """Whether it says so of the other text: that this one lost."""
    words: tuple[str, ...] = ()
    """The words of the name that are neither the text's nor neutral."""


def is_binary(column: Column) -> bool:
    """Returns whether every value of a column says yes or no."""
    return column.is_short and all(one.lower() in YES | NO for one in column.values)


def of_one_text(name: str, column: Column, compared: Sides) -> bool:
    """Returns whether a column says yes or no of one of the two texts, so that it names none."""
    places = {*_PLACES, *_DIGITS, *words_of(" ".join(compared))} - NEUTRAL
    return is_binary(column) and not places.isdisjoint(words_of(name))


def marks(columns: Mapping[str, Column], compared: Sides) -> dict[str, Mark]:
    """Returns the columns that say of a text that it won or lost, or that it was a tie."""
    names = [name for name, one in columns.items() if is_binary(one)]
    digits = _digits(names, compared)
    found = {n: mark for n in names if (mark := _mark(n, compared, digits)) is not None}
    return found if any(mark.words for mark in found.values()) else {}


def chosen(found: Mapping[str, Mark], given: str = "") -> dict[str, Mark]:
    """Returns the marks that are read together, those of the `given` one where it is one.

    Raises `AnswerUnclear` where two sets of columns could be meant.
    """
    if given:
        return {n: mark for n, mark in found.items() if mark.words in ((), found[given].words)}
    for is_lost in (False, True):
        told = {m.words: n for n, m in found.items() if m.words and m.is_lost is is_lost}
        if len(told) > 1:
            raise AnswerUnclear(
                f"{' and '.join(told.values())} say of a text each whether it is the better one; "
                "say which one is the preference with --answer-column NAME",
                tuple(told.values()),
            )
    return dict(found)


def refuse_a_zero(columns: Mapping[str, Column], found: Mapping[str, Mark], two: Sides) -> None:
    """Raises `AnswerUnclear` for a 0 in the only column, which may be the other text or a tie."""
    (name, mark), *more = found.items()
    if not more and any(one.lower() in NO for one in columns[name].values):
        mine, other = (two.left, two.right) if mark.choice is Choice.LEFT else (two.right, two.left)
        raise AnswerUnclear(
            f"a 1 in {name!r} is a vote for {mine}, but a 0 may be one for {other} or a tie; say "
            f"with --answer-column {name} that it is one for {other}, or {_INSTEAD}",
            (name,),
        )


def refuse_unclear(columns: Mapping[str, Column], compared: Sides, said: Collection[str]) -> None:
    """Raises `BadRow` for a column of 0 and 1 that is about one text, in a way that is not clear.

    `said` are those that say by their names which text is better.
    """
    for name, column in columns.items():
        is_told = name in said or not (_WON | _LOST).isdisjoint(words_of(name))
        if is_told and of_one_text(name, column, compared):
            raise BadRow(
                f"it is not clear of which text {name!r} says yes or no, and whether that is the "
                f"better one; {_INSTEAD}"
            )


def read(
    values: Iterable[str | None], columns: Sequence[str], says: Sequence[Choice]
) -> Preference:
    """Returns the one preference on which the marks of a row agree. Raises `BadRow`."""
    told, denied = set[Choice](), set[Choice]()
    for value, name, choice in zip(values, columns, says, strict=True):
        if value not in (None, ""):
            (told if _is_yes(value, name) else denied).add(choice)
    if len(told) != 1 or told & denied:
        what = "contradict one another" if told else "mark nothing"
        raise BadRow(f"{', '.join(columns)} {what}; one text, or a tie, must be marked")
    return Preference(told.pop())


def read_binary(value: str, name: str, choice: Choice) -> Preference:
    """Returns the preference of a column of which a 0 is a vote for the other text."""
    return Preference(choice if _is_yes(value, name) else _OTHER[choice])


def _is_yes(value: str, name: str) -> bool:
    if value.lower() not in YES | NO:
        raise BadRow(f"{name!r} is {value[:40]!r} instead of 0 or 1")
    return value.lower() in YES


def _mark(name: str, compared: Sides, digits: Mapping[str, Choice]) -> Mark | None:
    words = words_of(name)
    cut = next((n for n, word in enumerate(words) if word in _THAN), len(words))
    words = words[: cut if "beats" not in words else words.index("beats") + 1]
    place, rest = _place(words, compared, digits)
    telling = tuple(word for word in rest if word not in NEUTRAL)
    is_not = telling[:1] in (("not",), ("non",)) and telling[1:] in (("preferred",), ("chosen",))
    if place is not None:
        if is_not or (len(telling) == 1 and telling[0] in _LOST):
            return Mark(_OTHER[place], True, telling)
        return Mark(place, False, telling) if len(telling) == 1 and telling[0] in _WON else None
    bare = tuple(word for word in telling if word not in _WON)
    if len(telling) - len(bare) > 1:
        return None
    if bare in _BOTH_BAD:
        return Mark(Choice.BOTH_BAD)
    return Mark(Choice.TIE) if len(bare) == 1 and bare[0] in _TIES else None


def _place(
    words: tuple[str, ...], compared: Sides, digits: Mapping[str, Choice]
) -> tuple[Choice | None, tuple[str, ...]]:
    """Returns the text that words name, None where it is none or both, and the other words."""
    for side, choice in zip(compared, (Choice.LEFT, Choice.RIGHT), strict=True):
        own = words_of(side)
        for at in range(len(words) - len(own) + 1):
            if own and words[at : at + len(own)] == own:
                return choice, words[:at] + words[at + len(own) :]
    named = [one for one in words if one in _PLACES or one in _DIGITS]
    is_article = "is a" in " ".join(words) and named == ["a"] and words[-1] in ("winner", "loser")
    if len(named) != 1 or is_article or ({"first", "second"} & {*named} and "best" in words):
        return None, words
    place = _PLACES.get(named[0]) or digits.get(named[0])
    at = words.index(named[0])
    return place, words[:at] + words[at + 1 :] if place is not None else words


def _digits(names: Iterable[str], compared: Sides) -> dict[str, Choice]:
    """Returns which texts digits name: as the texts are counted, else as the columns are."""
    ends = (compared.left[-1:], compared.right[-1:])
    if ends not in (("0", "1"), ("1", "2")):
        used = {word for name in names for word in words_of(name) if word in _DIGITS}
        ends = {frozenset("01"): ("0", "1"), frozenset("12"): ("1", "2")}.get(
            frozenset(used), ("", "")
        )
    return {ends[0]: Choice.LEFT, ends[1]: Choice.RIGHT} if all(ends) else {}
