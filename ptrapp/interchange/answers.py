"""Decides which column or control of a file says what a rater prefers, by all its values.

A column is taken when its values name the two sides, and its name says that they name the preferred
one, or the worse one. What only happens to name them, as `shown_first`, is refused, and so are two
columns that both could be it.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ptrapp.core.errors import AnswerUnclear, BadRow
from ptrapp.core.types import Choice
from ptrapp.interchange import answer_names, by_models, known_scales, one_hot, scores, swapped
from ptrapp.interchange.answer_values import (
    AnswerColumns,
    AnswerKind,
    is_unread,
    named,
    why_unread,
)
from ptrapp.interchange.meaning import Says, says
from ptrapp.interchange.one_hot import Mark
from ptrapp.interchange.profile import Column, is_number, number_in
from ptrapp.interchange.sides import Sides

FLAG = "--answer-column"
_ABOUT = re.compile(
    r"^(id|.*_id|uuid|index|batch|lead_time|annotator|created_at|updated_at|agreement|model.*|source"
    r"|split|turn|language|lang|rater|user|worker.*|difficulty)$",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:[ab]|first|second|-?\d+(?:\.\d+)?)", re.IGNORECASE)
_TOLD = re.compile(r"\b(?:better|best|prefer\w*|wins?|won|winner)\b")
"""What an answer says that needs no telling name: B is better, a_winner."""
_RENAME = "rename it to winner if it names the better text, to loser if it names the worse one"


def decide(
    columns: Mapping[str, Column], compared: Sides, given: str = "", *, controls: bool = False
) -> AnswerColumns | None:
    """Returns what holds the preference, None where nothing does. Raises `BadRow`.

    `columns` are those that are neither prompt nor side; `controls` says that they are answers of
    raters all of them, as in an annotation, so that each may be meant as the preference.
    """
    columns = {name: one for name, one in columns.items() if one.n_filled}
    if given:
        return _given(columns, compared, given)
    found = _found(columns, compared, controls=controls)
    if found is not None:
        swapped.refuse(columns, found, FLAG)
    return found


def _found(
    columns: Mapping[str, Column], compared: Sides, *, controls: bool
) -> AnswerColumns | None:
    """Returns what holds the preference, by the names of the columns and what they hold."""
    known = known_scales.find(columns, compared)
    if known is not None and known.kind is AnswerKind.FIRST_IS_ONE:
        return known
    pairs = scores.pairs(columns, compared)
    numbered = {name for pair in pairs for name in pair.columns}
    marks = one_hot.marks(columns, compared)
    telling = [
        name
        for name, one in columns.items()
        if name not in marks
        and name not in numbered  # votes_a counts, whatever it counts to
        and not one_hot.of_one_text(name, one, compared)
        and _tells(name, one, compared)
    ]
    if known is not None:
        if rivals := [name for name in telling if name not in known.columns]:
            raise ambiguous([*known.columns, *rivals])
        return known
    if len(telling) > 1:
        raise ambiguous(telling)
    if telling:
        by_models.refuse_names_of_sides(columns, telling[0], compared)
        return in_words(telling[0])
    named = [name for name in columns if is_told(name)]
    if marks:
        return _marked(columns, one_hot.chosen(marks), compared)
    if (decided := _of_models(columns, compared, named)) is not None:
        return decided
    ratings = [one for one in pairs if scores.is_higher(one)]
    rivals = [*(one.columns[0] for one in ratings), *unnamed(columns, compared)]
    if len(rivals) > 1:
        raise ambiguous(rivals)
    if ratings:
        return ratings[0]
    for pair in pairs:
        scores.refuse_lower(pair)
    one_hot.refuse_unclear(columns, compared, named)
    single = {name: one for name, one in columns.items() if name not in numbered}
    _refuse_unread(single, compared, controls=controls)
    scores.refuse_unclear(columns, compared, pairs, controls=controls)
    return None


def in_words(name: str) -> AnswerColumns:
    """Returns a column whose answers name a text, as its name says: the better or the worse one.

    Raises `BadRow` for a name of something bad, of which it is not clear whether the other text is
    better.
    """
    said = says(name)
    if said is Says.OPPOSITE:
        raise BadRow(
            f"{name!r} names one of the two texts, by its name for something bad, and not clearly "
            f"the better or the worse one; {_RENAME}"
        )
    return AnswerColumns(AnswerKind.WORDS, (name,), said is Says.WORSE)


def is_told(name: str) -> bool:
    """Returns whether a name says that the better or the worse text is named under it."""
    return says(name) in (Says.PREFERRED, Says.WORSE)


def repeating(names: Sequence[str]) -> AnswerColumns:
    """Returns the column whose cells are the very words of a text, as its name says of which one.

    Raises `AnswerUnclear` for several.
    """
    if len(names) > 1:
        raise ambiguous(names)
    return in_words(names[0])._replace(kind=AnswerKind.TEXT)


def unnamed(columns: Mapping[str, Column], compared: Sides) -> list[str]:
    """Returns the columns whose answers name the two texts, and whose names say not what for."""
    return [
        name
        for name, one in columns.items()
        if not _tells(name, one, compared)
        and (name.lower().endswith("_id") or not _ABOUT.match(name))
        and any(not _BARE.fullmatch(value) for value in _naming(name, one, compared))
    ]


def ambiguous(claims: Sequence[str]) -> AnswerUnclear:
    """Returns the refusal of a file in which each of `claims` could be the preference."""
    return AnswerUnclear(
        f"both {' and '.join(claims)} name the two texts; say which one is the preference with "
        f"{FLAG} NAME",
        claims,
    )


def _given(columns: Mapping[str, Column], compared: Sides, given: str) -> AnswerColumns:
    if given not in columns:
        raise BadRow(
            f"there is no column or control {given!r} with answers; these have some: "
            f"{', '.join(columns) or 'none'}"
        )
    if given in (marks := one_hot.marks(columns, compared)):
        told = given if marks[given].words else ""  # of a tie alone nothing is read
        return _marked(columns, one_hot.chosen(marks, told), compared, told)
    if (known := known_scales.find({given: columns[given]}, compared)) is not None:
        return known
    for pair in scores.pairs(columns, compared):
        if given in pair.columns:
            scores.refuse_lower(pair)
            return pair
    one_hot.refuse_unclear({given: columns[given]}, compared, (given,))
    answer = in_words(given)
    if (decided := _of_models(columns, compared, (given,))) is not None:
        return decided
    for value in columns[given].values:
        named(value, compared, inverted=answer.inverted)
    return answer


def _tells(name: str, column: Column, compared: Sides) -> bool:
    """Returns whether a column says which text is better: its name does, or each of its answers."""
    naming = _naming(name, column, compared)
    match says(name):
        case Says.PREFERRED | Says.WORSE:
            is_read = column.is_short and not _some_unread(name, column, compared)
            bare = all(_BARE.fullmatch(value) for value in naming)
            return is_read and not (bare and answer_names.is_no_hint(name, naming))
        case Says.NOTHING:
            return bool(naming) and all(
                _TOLD.search(one.lower().replace("_", " ")) for one in naming
            )
    return False


def _naming(name: str, column: Column, compared: Sides) -> list[str]:
    """Returns the values that name a text; none where not every value can be read as an answer."""
    if not column.is_short or _some_unread(name, column, compared):
        return []
    return [
        one for one in column.values if named(one, compared).choice in (Choice.LEFT, Choice.RIGHT)
    ]


def refuse_doubtful(name: str, values: Collection[str], compared: Sides, given: str) -> None:
    """Raises `BadRow` for cells of a table that can be read in two ways, whatever the others say.

    `None` is what Python writes for no answer, and a person for neither text. A 1 in all rows may
    be counted from 0 where the texts have no numbers.
    """
    if "None" in values:
        raise BadRow(
            f"'None' in {name!r} may be no answer, or neither of the two; leave the cell empty, or "
            "write both_bad"
        )
    numbers = {number_in(one) for one in values if is_number(one)}
    if name != given and numbers == {1} and not compared.left[-1:].isdigit():
        raise AnswerUnclear(
            f"every number in {name!r} is 1: the first text, or the second one counted from 0; "
            f"write {compared.left} and {compared.right} into it, or say with {FLAG} {name} that "
            f"it is {compared.left}",
            (name,),
        )


def all_named(values: Iterable[str], compared: Sides) -> bool:
    """Returns whether each of `values` can be read as an answer about the two texts."""
    return not any(is_unread(value, compared) for value in values)


def _some_unread(name: str, column: Column, compared: Sides) -> bool:
    inverted = says(name) is Says.WORSE
    return any(is_unread(value, compared, inverted=inverted) for value in column.values)


def _marked(
    columns: Mapping[str, Column], found: Mapping[str, Mark], compared: Sides, given: str = ""
) -> AnswerColumns:
    """Returns the reading of columns of 0 and 1; `given` says that its 0 is the other text."""
    if not given:
        one_hot.refuse_a_zero(columns, found, compared)
    kind = AnswerKind.BINARY if given and len(found) == 1 else AnswerKind.ONE_HOT
    return AnswerColumns(kind, tuple(found), marks=tuple(one.choice for one in found.values()))


def _of_models(
    columns: Mapping[str, Column], compared: Sides, names: Iterable[str]
) -> AnswerColumns | None:
    found = by_models.naming(columns, compared, names)
    if len(found) > 1:
        raise ambiguous([one.columns[0] for one in found])
    return found[0] if found else None


def _refuse_unread(columns: Mapping[str, Column], compared: Sides, *, controls: bool) -> None:
    """Refuses columns that look like an answer and cannot be read as one."""
    for name, column in columns.items():
        said = says(name)
        if not column.n_filled or said is Says.NOTHING or answer_names.is_aside(name):
            continue
        if said is Says.OPPOSITE:
            if _naming(name, column, compared):
                in_words(name)
            continue
        if answer_names.is_scaled(name) and column.is_numeric:
            raise AnswerUnclear(
                f"the numbers in {name!r} may be on a scale; write {compared.left}, "
                f"{compared.right} or tie into it, or say with {FLAG} NAME that 1 and 2 are these",
                (name,),
            )
        inverted = said is Says.WORSE
        reasons = (why_unread(one, compared, inverted=inverted) for one in sorted(column.values))
        why = next(filter(None, reasons), "")
        why = why or f"a longer text or a list names neither of {compared.left}, {compared.right}"
        raise BadRow(
            f"{why}: it is that of {name!r}; write {compared.left}, {compared.right} or tie, or "
            f"name the column or control that does with {FLAG} NAME"
        )
    doubtful = unnamed(columns, compared) or [
        name
        for name, column in columns.items()
        if column.is_short and not _ABOUT.match(name) and not answer_names.is_aside(name)
        and not _some_unread(name, column, compared)
        and (controls or _naming(name, column, compared))
    ]  # fmt: skip
    if doubtful:
        raise AnswerUnclear(
            f"it is not clear whether {' or '.join(doubtful)} says which text is preferred; "
            f"say so with {FLAG} NAME, or {_RENAME}",
            doubtful,
        )
