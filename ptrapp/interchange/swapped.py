"""Refuses answers of rows of which another column says that their texts were shown swapped."""

import re
from collections.abc import Mapping

from ptrapp.core.errors import AnswerUnclear
from ptrapp.interchange import one_hot
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind
from ptrapp.interchange.profile import Column

_NAME = re.compile(
    r"(?:(?:is|was|were)_)?(?:(?:sides?|order|positions?|texts?|responses?)_)?"
    r"(?:swapped|flipped|reversed|inverted)(?:_(?:sides?|order|positions?))?",
    re.IGNORECASE,
)


def refuse(columns: Mapping[str, Column], answer: AnswerColumns, flag: str) -> None:
    """Raises `AnswerUnclear` where some texts were swapped: nothing says whether the answer is of
    the texts as they stand, or as they were shown. Who names the answer by `flag` says the first.
    The name of a model is about no place.
    """
    if answer.kind is AnswerKind.MODEL:
        return
    for name, column in columns.items():
        some = one_hot.is_binary(column) and any(v.lower() in one_hot.YES for v in column.values)
        if some and _NAME.fullmatch(name):
            raise AnswerUnclear(
                f"where {name!r} is true, {answer.columns[0]!r} may be about the texts as they "
                f"were shown, the other way round; swap those rows, or say with {flag} "
                f"{answer.columns[0]} that it is about the texts as they stand",
                answer.columns[:1],
            )
