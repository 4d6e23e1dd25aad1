"""Reads the preference of one row from the columns that hold it."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange import one_hot, text_answers
from ptrapp.interchange.profile import answer_text, number_in
from ptrapp.interchange.sides import Sides, preference_from

_SIGN_OR_BETTER = re.compile(
    r"[<>]|\b(?:better|best|prefer\w*|wins?|won|winner|chosen|selected|both|neither|none)\b"
)
"""What no answer under a name as `loser` may hold: it would say after all which is better."""


_MARKED = {
    Choice.LEFT: "for the first text", Choice.RIGHT: "for the second text",
    Choice.TIE: "for a tie", Choice.BOTH_BAD: "against both texts",
}  # fmt: skip


class AnswerKind(StrEnum):
    WORDS = "words"
    ONE_HOT = "one-hot"
    BINARY = "binary"
    """One column of 0 and 1, of which somebody said that a 0 is the other text."""
    TEXT = "text"
    """The very words of the preferred text."""
    MODEL = "model"
    """The name of the model whose text is preferred, beside the names of both."""
    SIGNED = "signed"
    FIRST_IS_ONE = "first is one"
    RATINGS = "ratings"
    RANKING = "ranking"


class AnswerColumns(NamedTuple):
    """The columns that hold the preference, and how they are read."""

    kind: AnswerKind
    columns: tuple[str, ...]
    inverted: bool = False
    """Whether the column names the worse text, so that the other one is preferred."""
    marks: tuple[Choice, ...] = ()
    """What a 1 in each column says."""

    @property
    def in_words(self) -> str:
        if self.kind is AnswerKind.RATINGS:
            return f"the higher of {' and '.join(self.columns)} is preferred, equal ones are a tie"
        if self.marks:
            ones = (f"{n} {_MARKED[m]}" for n, m in zip(self.columns, self.marks, strict=True))
            rest = ", a 0 for the other one" if self.kind is AnswerKind.BINARY else ""
            return f"the preference is read from what is 1: in {', in '.join(ones)}{rest}"
        said = f"the preference is read from {', '.join(self.columns)}"
        if self.kind is AnswerKind.TEXT:
            return f"{said}, which repeats the {'worse' if self.inverted else 'better'} text"
        return f"{said}, which names the worse one" if self.inverted else said


def read(row: Mapping[str, Any], answer: AnswerColumns, compared: Sides) -> Preference | None:
    """Returns the preference of a row, None where it has none. Raises `BadRow`."""
    values = [answer_text(row.get(name)) for name in answer.columns]
    if all(value in (None, "") for value in values):
        return None
    match answer.kind:
        case AnswerKind.ONE_HOT:
            return one_hot.read(values, answer.columns, answer.marks)
        case AnswerKind.BINARY:
            return one_hot.read_binary(values[0] or "", answer.columns[0], answer.marks[0])
        case AnswerKind.TEXT:
            return _by_text(values[0] or "", row, answer, compared)
        case AnswerKind.MODEL:
            return _of_model(values, compared, inverted=answer.inverted)
        case AnswerKind.RATINGS:
            if not all(values):  # one of two scores is no comparison
                return None
            left, right = (
                _number(value, name) for value, name in zip(values, answer.columns, strict=True)
            )
            return higher(left, right)
    value = values[0] or ""
    match answer.kind:
        case AnswerKind.SIGNED:
            return _signed(_number(value, answer.columns[0]))
        case AnswerKind.FIRST_IS_ONE:
            return one_hot.read_binary(value, answer.columns[0], Choice.LEFT)
    return named(value, compared, inverted=answer.inverted)


def named(value: str, compared: Sides, *, inverted: bool = False) -> Preference:
    """Returns the preference that an answer names; `inverted` says that it names the worse text.

    Raises `BadRow` where it names none.
    """
    found = preference_from(value, compared)
    if not inverted:
        return found
    if found.choice is Choice.BOTH_BAD or _SIGN_OR_BETTER.search(value.lower().replace("_", " ")):
        raise BadRow(
            f"the answer {value[:60]!r} is under a name of the worse text, and does not name it"
        )
    return found.mirrored()


def is_unread(value: str, compared: Sides, *, inverted: bool = False) -> bool:
    """Returns whether a value cannot be read as an answer about the two texts."""
    return bool(why_unread(value, compared, inverted=inverted))


def why_unread(value: str, compared: Sides, *, inverted: bool = False) -> str:
    """Returns why a value cannot be read as an answer about the two texts; empty where it can."""
    try:
        named(value, compared, inverted=inverted)
    except BadRow as error:
        return str(error)
    return ""


def higher(left: float, right: float) -> Preference:
    """Returns a preference for the side with the higher number, a tie for equal ones."""
    if left == right:
        return Preference(Choice.TIE)
    return Preference(Choice.LEFT if left > right else Choice.RIGHT)


def _by_text(
    value: str, row: Mapping[str, Any], answer: AnswerColumns, compared: Sides
) -> Preference:
    said = text_answers.repeated(value, row.get(compared.left), row.get(compared.right))
    if said is None:
        return named(value, compared, inverted=answer.inverted)
    found = Preference(said)
    return found.mirrored() if answer.inverted else found


def _of_model(values: list[str | None], compared: Sides, *, inverted: bool) -> Preference | None:
    said, left, right = values
    if not said:
        return None
    if left == right:
        raise BadRow(f"both texts are of the model {left!r}, so {said!r} names neither of them")
    if said in (left, right):
        found = Preference(Choice.LEFT if said == left else Choice.RIGHT)
        return found.mirrored() if inverted else found
    return named(said, compared, inverted=inverted)


def _signed(value: float) -> Preference:
    if value == 0:
        return Preference(Choice.TIE)
    if abs(value) > 3 or value != int(value):
        raise BadRow(f"the preference is {value:g} instead of a number from -3 to 3")
    return Preference(Choice.LEFT if value < 0 else Choice.RIGHT, int(abs(value)))


def _number(value: str | None, name: str) -> float:
    try:
        return number_in(value or "")
    except ValueError as error:
        raise BadRow(f"{name!r} is {str(value)[:40]!r} instead of a number") from error
