"""Finds answers that name the model of the better text, beside columns that name both models."""

from collections.abc import Iterable, Mapping

from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice
from ptrapp.interchange import sides
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind, is_unread, named
from ptrapp.interchange.meaning import Says, says
from ptrapp.interchange.profile import Column
from ptrapp.interchange.sides import Sides


def refuse_names_of_sides(columns: Mapping[str, Column], name: str, compared: Sides) -> None:
    """Raises `BadRow` where an answer may be a model's name or a place: model_1 is B, A wins."""
    for left, right in _models_of(columns, compared):
        models = columns[left].values | columns[right].values
        both = columns[name].values & models
        in_place = all(
            named(one, compared).choice is choice
            for column, choice in ((left, Choice.LEFT), (right, Choice.RIGHT))
            for one in columns[column].values & both
        )
        if both and not in_place:
            raise BadRow(
                f"{sorted(both)[0]!r} in {name!r} may be a model or a place: the models in "
                f"{left!r} and {right!r} are called so; write {compared.left} and "
                f"{compared.right} into it"
            )


def _models_of(columns: Mapping[str, Column], compared: Sides) -> list[tuple[str, str]]:
    """Returns the two columns that name the models of the two texts, each such two."""
    models = [n for n in columns if n.lower().startswith("model")]
    return [(n, m) for n in models for m in models if sides.belong_to(n, m, compared)]


def naming(
    columns: Mapping[str, Column], compared: Sides, names: Iterable[str]
) -> list[AnswerColumns]:
    """Returns those of `names` that name a model, where two columns name both models."""
    both = _models_of(columns, compared)
    if len(both) != 1:
        return []
    known = columns[both[0][0]].values | columns[both[0][1]].values
    found = []
    for name in names:
        inverted, column = says(name) is Says.WORSE, columns[name]
        rest = column.values - known
        if (
            column.is_short
            and rest < column.values
            and not any(is_unread(one, compared, inverted=inverted) for one in rest)
        ):
            found.append(AnswerColumns(AnswerKind.MODEL, (name, *both[0]), inverted))
    return found
