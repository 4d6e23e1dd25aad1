"""Decides which column or control of a file says what a rater prefers, by all its values.

A column is taken when its values name the two sides, and where a bare "1" or "A" is all it says,
when its name asks for a preference. Two such columns are a refusal that names both.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ptrapp.core.errors import AnswerUnclear, BadRow
from ptrapp.core.types import Choice, Preference
from ptrapp.interchange import sides
from ptrapp.interchange.profile import Column, answer_text
from ptrapp.interchange.sides import Sides, preference_from

FLAG = "--answer-column"
_HINT = re.compile(
    r"prefer|winner|better|best|safer|choice|chosen|verdict|judg|vote|select|pick|pairwise|^pw$"
    r"|^labels?$|^answers?$|outcome|decision|ranking",
    re.IGNORECASE,
)
_NO_HINT = re.compile(
    r"strength|confiden|score|rating|reason|rationale|comment|explanation|time|count|agreement"
    r"|model|elaboration|statement|feedback|suggestion",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"^(id|.*_id|uuid|index|batch|lead_time|annotator|created_at|updated_at|agreement|model.*|source"
    r"|split|turn|language|lang|rater|user|worker.*|difficulty)$",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:[ab]|first|second|-?\d+(?:\.\d+)?)", re.IGNORECASE)
_SIGNED = ("preference_strength", "overall_preference")
"""HelpSteer's columns: below 0 the first response is better, above 0 the second, 0 a tie."""
_SIGNED_VALUES = frozenset(str(n) for n in range(-3, 4))
_FIRST_IS_ONE = {("human_ref_A", "human_ref_B"): "labels"}
"""SHP: 1 says that the first is preferred, 0 that the second is."""
_RATING = re.compile(r"rating|score|stars|quality|grade|points", re.IGNORECASE)


class AnswerKind(StrEnum):
    WORDS = "words"
    ONE_HOT = "one-hot"
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

    @property
    def in_words(self) -> str:
        if self.kind is AnswerKind.RATINGS:
            return f"the higher of {' and '.join(self.columns)} is preferred, equal ones are a tie"
        return f"the preference is read from {', '.join(self.columns)}"


def decide(
    columns: Mapping[str, Column], compared: Sides, given: str = "", *, controls: bool = False
) -> AnswerColumns | None:
    """Returns what holds the preference, None where nothing does. Raises `BadRow`.

    `columns` are those that are neither prompt nor side; `controls` says that they are answers of
    raters all of them, as in an annotation, so that a bare "A" needs no telling name.
    """
    columns = {name: one for name, one in columns.items() if one.n_filled}
    ratings = _ratings(columns, compared, controls=controls)
    if given:
        return _given(columns, compared, given, ratings)
    if (known := _known(columns, compared)) is not None:
        return known
    one_hot = _one_hot(columns)
    marks = one_hot.columns if one_hot else ()
    named = [
        name
        for name, one in columns.items()
        if name not in marks and _names_sides(name, one, compared, controls=controls)
    ]
    if len(named) > 1:
        raise ambiguous(named)
    if named:
        return AnswerColumns(AnswerKind.WORDS, (named[0],))
    if (decided := one_hot or _by_models(columns, compared)) is not None:
        return decided
    if len(ratings) > 1:
        raise ambiguous([one.columns[0] for one in ratings])
    if ratings:
        return ratings[0]
    _refuse_unread(columns, compared, controls=controls)
    return None


def read(row: Mapping[str, Any], answer: AnswerColumns, compared: Sides) -> Preference | None:
    """Returns the preference of a row, None where it has none. Raises `BadRow`."""
    values = [answer_text(row.get(name)) for name in answer.columns]
    if all(value in (None, "") for value in values):
        return None
    match answer.kind:
        case AnswerKind.ONE_HOT:
            return _by_one_hot(values, answer.columns)
        case AnswerKind.MODEL:
            return _of_model(values, compared)
        case AnswerKind.RATINGS:
            if None in values:
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
            if value not in ("0", "1"):
                raise BadRow(f"{answer.columns[0]!r} is {value[:40]!r} instead of 0 or 1")
            return Preference(Choice.LEFT if value == "1" else Choice.RIGHT)
    return preference_from(value, compared)


def higher(left: float, right: float) -> Preference:
    """Returns a preference for the side with the higher number, a tie for equal ones."""
    if left == right:
        return Preference(Choice.TIE)
    return Preference(Choice.LEFT if left > right else Choice.RIGHT)


def _given(
    columns: Mapping[str, Column], compared: Sides, given: str, ratings: list[AnswerColumns]
) -> AnswerColumns:
    if given not in columns:
        raise BadRow(
            f"there is no column or control {given!r} with answers; these have some: "
            f"{', '.join(columns) or 'none'}"
        )
    for one in (*ratings, _known({given: columns[given]}, compared)):
        if one is not None and given in one.columns:
            return one
    for value in columns[given].values:
        preference_from(value, compared)
    return AnswerColumns(AnswerKind.WORDS, (given,))


def _known(columns: Mapping[str, Column], compared: Sides) -> AnswerColumns | None:
    special = _FIRST_IS_ONE.get((compared.left, compared.right), "")
    if special in columns:
        return AnswerColumns(AnswerKind.FIRST_IS_ONE, (special,))
    found = [n for n in _SIGNED if n in columns and columns[n].values <= _SIGNED_VALUES]
    return AnswerColumns(AnswerKind.SIGNED, (found[0],)) if found else None


def _names_sides(name: str, column: Column, compared: Sides, *, controls: bool) -> bool:
    if not column.is_short or any(_unread(value, compared) for value in column.values):
        return False
    naming = [value for value in column.values if _names_one(value, compared)]
    if any(not _BARE.fullmatch(value) for value in naming):
        return True
    if _NO_HINT.search(name):
        return False
    return bool(_HINT.search(name)) or (controls and bool(naming))


def _names_one(value: str, compared: Sides) -> bool:
    return preference_from(value, compared).choice in (Choice.LEFT, Choice.RIGHT)


def _unread(value: str, compared: Sides) -> bool:
    try:
        preference_from(value, compared)
    except BadRow:
        return True
    return False


def _one_hot(columns: Mapping[str, Column]) -> AnswerColumns | None:
    found = [n for n in columns if n.startswith(("winner_", "preferred_", "is_winner_"))]
    if len(found) < 2 or any(not columns[n].values <= {"0", "1", "true", "false"} for n in found):
        return None
    return AnswerColumns(AnswerKind.ONE_HOT, tuple(found))


def _by_models(columns: Mapping[str, Column], compared: Sides) -> AnswerColumns | None:
    """Returns a column that names the preferred model, where two others name both models."""
    models = [n for n in columns if n.lower().startswith("model")]
    both = [(n, m) for n in models for m in models if sides.belong_to(n, m, compared)]
    if len(both) != 1:
        return None
    known = columns[both[0][0]].values | columns[both[0][1]].values
    for name, column in columns.items():
        named = column.values - known
        if (
            column.is_short
            and _HINT.search(name)
            and named < column.values
            and not any(_unread(value, compared) for value in named)
        ):
            return AnswerColumns(AnswerKind.MODEL, (name, *both[0]))
    return None


def _of_model(values: list[str | None], compared: Sides) -> Preference | None:
    said, left, right = values
    if not said:
        return None
    if left == right:
        raise BadRow(f"both texts are of the model {left!r}, so {said!r} names neither of them")
    if said in (left, right):
        return Preference(Choice.LEFT if said == left else Choice.RIGHT)
    return preference_from(said, compared)


def _by_one_hot(values: list[str | None], columns: tuple[str, ...]) -> Preference:
    marked = [name for value, name in zip(values, columns, strict=True) if value in ("1", "true")]
    if len(marked) != 1:
        raise BadRow(f"of {', '.join(columns)} {len(marked)} are 1 instead of one")
    ending = re.sub(r"^(is_)?(winner|preferred)_", "", marked[0])
    return preference_from(ending, Sides("a", "b"))


def _ratings(
    columns: Mapping[str, Column], compared: Sides, *, controls: bool = False
) -> list[AnswerColumns]:
    """Returns every two numeric columns that are named like the two sides."""
    numeric = [
        n for n, one in columns.items() if one.is_numeric and (controls or _RATING.search(n))
    ]
    found = [
        AnswerColumns(AnswerKind.RATINGS, (first, second))
        for first in numeric
        for second in numeric
        if sides.belong_to(first, second, compared)
    ]
    return found


def _refuse_unread(columns: Mapping[str, Column], compared: Sides, *, controls: bool) -> None:
    """Refuses columns that look like an answer and cannot be read as one."""
    for name, column in columns.items():
        if column.is_short and _HINT.search(name) and not _NO_HINT.search(name):
            value = min(column.values, key=lambda one: not _unread(one, compared))
            raise BadRow(
                f"the answer {value!r} names neither of {compared.left}, {compared.right}: it "
                "is that "
                f"of {name!r}; name the column or control that does with {FLAG} NAME"
            )
    doubtful = [
        name
        for name, column in columns.items()
        if column.is_short and not _ABOUT.match(name) and not _NO_HINT.search(name)
        and not any(_unread(value, compared) for value in column.values)
        and (controls or any(_names_one(value, compared) for value in column.values))
    ]  # fmt: skip
    rated = [n for n, one in columns.items() if one.is_numeric and _RATING.search(n)]
    if doubtful:
        raise AnswerUnclear(
            f"it is not clear whether {' or '.join(doubtful)} says which text is preferred; "
            f"say so with {FLAG} NAME",
            doubtful,
        )
    if rated:
        raise BadRow(
            f"{', '.join(rated)}: ratings were asked for, but not two of them that are named "
            "like the "
            f"two texts {compared.left} and {compared.right}; name the answer with {FLAG} NAME"
        )


def ambiguous(named: Sequence[str]) -> AnswerUnclear:
    """Returns the refusal of a file in which each of `named` could be the preference."""
    return AnswerUnclear(
        f"both {' and '.join(named)} name the two texts; say which one is the preference with "
        f"{FLAG} NAME",
        named,
    )


def _signed(value: float) -> Preference:
    if value == 0:
        return Preference(Choice.TIE)
    if abs(value) > 3 or value != int(value):
        raise BadRow(f"the preference is {value:g} instead of a number from -3 to 3")
    return Preference(Choice.LEFT if value < 0 else Choice.RIGHT, int(abs(value)))


def _number(value: str | None, name: str) -> float:
    try:
        return float(value or "")
    except ValueError as error:
        raise BadRow(f"{name!r} is {str(value)[:40]!r} instead of a number") from error
