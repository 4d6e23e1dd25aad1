"""Finds two columns of numbers that are named like the two texts, such as scores."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ptrapp.core.counts import counted
from ptrapp.core.errors import AnswerUnclear, BadRow
from ptrapp.interchange import sides
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind
from ptrapp.interchange.meaning import Says, Scale, says, scale_of
from ptrapp.interchange.profile import Column, Profile, answer_text, is_number, number_in
from ptrapp.interchange.sides import Sides

_RATING = re.compile(r"rating|score|stars|quality|grade|points", re.IGNORECASE)


def pairs(columns: Mapping[str, Column], compared: Sides) -> list[AnswerColumns]:
    """Returns every two numeric columns that are named like the two sides."""
    numeric = [name for name, one in columns.items() if one.is_numeric]
    return [
        AnswerColumns(AnswerKind.RATINGS, (first, second))
        for first in numeric
        for second in numeric
        if sides.belong_to(first, second, compared)
    ]


def is_higher(pair: AnswerColumns) -> bool:
    """Returns whether the higher of two numbers is the better one by their names."""
    return _scale(pair) is Scale.HIGHER


def _scale(pair: AnswerColumns) -> Scale:
    scales = {scale_of(name) for name in pair.columns}
    return scales.pop() if len(scales) == 1 else Scale.UNKNOWN


def refuse_lower(pair: AnswerColumns) -> None:
    """Raises `BadRow` for two numbers of which the lower is better by their names."""
    if _scale(pair) is Scale.LOWER:
        raise BadRow(
            f"of {' and '.join(pair.columns)} the lower seems to be the better, and only scores of "
            "which the higher is better are read; turn them around and rename them to score_a and "
            "score_b, or leave the columns out"
        )


def refuse_unclear(
    columns: Mapping[str, Column],
    compared: Sides,
    found: Sequence[AnswerColumns],
    *,
    controls: bool,
) -> None:
    """Refuses numbers that may be ratings, where it is not clear that the higher is better."""
    _refuse_words(columns, compared)
    rated = [n for n, one in columns.items() if one.is_numeric and _RATING.search(n)]
    told = [n for n in columns if says(n) is not Says.NOTHING]
    if asked := [one.columns[0] for one in found if controls or one.columns[0] in (*rated, *told)]:
        raise AnswerUnclear(
            f"it is not clear whether the higher of {' or '.join(asked)} is preferred; say so with "
            "--answer-column NAME, or rename the two columns to score_a and score_b",
            asked,
        )
    if rated:
        raise BadRow(
            f"{', '.join(rated)}: ratings were asked for, but not two of them that are named like "
            f"the two texts {compared.left} and {compared.right}; name the answer with "
            "--answer-column NAME"
        )


def _refuse_words(columns: Mapping[str, Column], compared: Sides) -> None:
    """Raises `BadRow` for scores of the two texts of which some are no numbers."""
    short = [name for name, one in columns.items() if one.is_short]
    for first in short:
        for second in short:
            pair = AnswerColumns(AnswerKind.RATINGS, (first, second))
            if sides.belong_to(first, second, compared) and is_higher(pair):
                for name in (name for name in pair.columns if not columns[name].is_numeric):
                    value = min(columns[name].values, key=lambda one: (is_number(one), one))
                    raise BadRow(
                        f"{name!r} is {value!r} instead of a number; write one, as 2.5, or leave "
                        "the cell empty"
                    )


def contradicting(
    profile: Profile, rows: Iterable[Mapping[str, Any]], chosen: str, rejected: str
) -> str:
    """Returns a sentence where the scores of the chosen and the rejected text say otherwise."""
    numeric = [name for name, one in profile.columns.items() if one.is_numeric]
    found = [
        (mine, its)
        for mine in numeric
        if "chosen" in mine and (its := mine.replace("chosen", "rejected")) in numeric
        and scale_of(mine.replace("chosen", "")) is Scale.HIGHER
    ]  # fmt: skip
    lower = dict.fromkeys(found, 0)
    for row in rows if found else ():
        for mine, its in found:
            said = [answer_text(row.get(name)) for name in (mine, its)]
            if all(said) and number_in(said[0] or "") < number_in(said[1] or ""):
                lower[mine, its] += 1
    told = [
        f"{mine} is lower than {its} in {counted(n, 'row')}"
        for (mine, its), n in lower.items()
        if n
    ]
    better = f"{chosen} is read as better than {rejected} there too"
    return f"{' and '.join(told)}; {better}" if told else ""
