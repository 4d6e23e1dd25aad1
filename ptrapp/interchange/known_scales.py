"""Knows the scales of HelpSteer and SHP, whose numbers name a text in a way of their own."""

from collections.abc import Mapping

from ptrapp.core.errors import BadRow
from ptrapp.interchange.answer_values import AnswerColumns, AnswerKind
from ptrapp.interchange.profile import Column, number_in
from ptrapp.interchange.sides import Sides

_SIGNED = {
    "preference_strength": ("response_1", "response_2"),
    "overall_preference": ("response1", "response2"),
}
"""HelpSteer's columns and texts: below 0 the first response is better, above 0 the second, 0 a tie.
Of other texts they are so where a number is below 0."""
_SIGNED_VALUES = frozenset(range(-3, 4))
_FIRST_IS_ONE = {("human_ref_A", "human_ref_B"): "labels"}
"""SHP: 1 says that the first is preferred, 0 that the second is."""


def find(columns: Mapping[str, Column], compared: Sides) -> AnswerColumns | None:
    """Returns the column on a known scale, None where there is none. Raises `BadRow`."""
    special = _FIRST_IS_ONE.get((compared.left, compared.right), "")
    if special in columns:
        return AnswerColumns(AnswerKind.FIRST_IS_ONE, (special,))
    found = next((n for n in _SIGNED if n in columns and _is_signed(n, columns[n], compared)), "")
    return AnswerColumns(AnswerKind.SIGNED, (found,)) if found else None


def _is_signed(name: str, column: Column, compared: Sides) -> bool:
    """Returns whether a column is on HelpSteer's scale. Raises `BadRow` where some of it is."""
    if not column.is_numeric:
        return False
    numbers = {number_in(one) for one in column.values}
    if numbers <= _SIGNED_VALUES and (min(numbers) < 0 or compared == _SIGNED[name]):
        return True
    if name == "overall_preference" and numbers <= _SIGNED_VALUES:
        raise BadRow(
            f"no number in {name!r} is below 0, so it may be on HelpSteer's scale or say which "
            f"text it is; write {compared.left}, {compared.right} or tie into it"
        )
    if name == "overall_preference" or min(numbers) < 0:
        other = sorted(numbers - _SIGNED_VALUES)[0]
        raise BadRow(f"{name!r} is {other:g} in some row instead of a whole number from -3 to 3")
    return False
