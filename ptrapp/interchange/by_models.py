"""Finds answers that name the model of the better text, beside columns that name both models."""

import re
from collections.abc import Iterable, Mapping

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice
from ptrapp.interchange import sides
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind, is_unread, named
from ptrapp.interchange.meaning import Says, Scale, says, scale_of
from ptrapp.interchange.profile import Column
from ptrapp.interchange.sides import Sides

_MAKER = re.compile(
    r"model|generator|llm|system(?!.?prompt)|engine|agent|policy|checkpoint", re.IGNORECASE
)
"""Names under which A and B may be models; judge_1 holds a vote, and category_a a category."""


def refuse_names_of_sides(columns: Mapping[str, Column], name: str, compared: Sides) -> None:
    """Raises `BadRow` where an answer may be a model's name or a place: model_1 is B, A wins."""
    made = {one: column for one, column in columns.items() if _MAKER.search(one)}
    for left, right in _models_of(made, compared):
        models = columns[left].values | columns[right].values
        both = columns[name].values & models
        in_place = all(
            named(one, compared).choice is choice
            for column, choice in ((left, Choice.LEFT), (right, Choice.RIGHT))
            for one in columns[column].values & both
        )
        if both and not in_place:
            raise BadRow(
                f"{sorted(both)[0]!r} in {name!r} may be a model or a place: {left!r} and "
                f"{right!r} hold it too; write {compared.left} and "
                f"{compared.right} into it"
            )


def _models_of(columns: Mapping[str, Column], compared: Sides) -> list[tuple[str, str]]:
    """Returns the two columns that name the models of the two texts, each such two.

    They may be called generator_a or response_a_model as well: what else stands in two such columns
    is not what an answer names.
    """
    models = [
        name
        for name, one in columns.items()
        if name.lower().startswith("model")
        or (one.is_short and not one.is_numeric and scale_of(name) is Scale.UNKNOWN)
    ]
    return [(n, m) for n in models for m in models if sides.belong_to(n, m, compared)]


def naming(
    columns: Mapping[str, Column], compared: Sides, names: Iterable[str]
) -> list[AnswerColumns]:
    """Returns those of `names` that name a model, where two columns name both models."""
    found: dict[str, AnswerColumns] = {}
    for both in _models_of(columns, compared):
        known = columns[both[0]].values | columns[both[1]].values
        for name in names:
            inverted, column = says(name) is Says.WORSE, columns[name]
            rest = column.values - known
            if (
                column.is_short
                and rest < column.values
                and not any(is_unread(one, compared, inverted=inverted) for one in rest)
            ):
                found.setdefault(name, AnswerColumns(AnswerKind.MODEL, (name, *both), inverted))
    return list(found.values())
