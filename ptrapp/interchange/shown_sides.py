"""Finds which text a Pairwise control of Label Studio showed on its left, or refuses to guess.

`toName` lists the two compared objects, the left one first: https://labelstud.io/tags/pairwise. The
labelling configuration says which field of the data an object shows; without it the objects must be
named as the fields.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ptrapp.core.errors import BadRow
from ptrapp.interchange import sides
from ptrapp.interchange.sides import Sides

_OTHER = {"left": "right", "right": "left"}

Shown = tuple[str, ...]
"""The fields that a control compares, the left one first; none where a result names no two."""


def shown(result: Mapping[str, Any], fields: Mapping[str, str]) -> Shown:
    """Returns what a result compares; `fields` are those that the configuration's objects show."""
    named = [one.strip() for one in str(result.get("to_name") or "").split(",")]
    return tuple(fields.get(one, one) for one in named) if len(named) > 1 else ()


def _in_fields(compared: Shown, two: Sides) -> Shown:
    """Returns the fields for objects that are numbered as these: txt-1, txt-2 of answer1, answer2.

    Objects that are called otherwise stay as they are.
    """
    if set(compared) == set(two) or len(compared) != 2 or not _is_ordered(two):
        return compared
    if (numbered := sides.two_alike(dict.fromkeys(compared, ""), usual=False)) is None:
        return compared
    return (two.left, two.right) if compared == tuple(numbered) else (two.right, two.left)


def in_order(value: Mapping[str, Any], compared: Shown, two: Sides) -> dict[str, Any]:
    """Returns the value of a result in terms of the two texts, whichever was shown on the left."""
    selected = value.get("selected")
    if selected in _OTHER and _in_fields(compared, two) == (two.right, two.left):
        return {**value, "selected": _OTHER[selected]}
    return dict(value)


def check(name: str, found: Iterable[Shown], two: Sides) -> None:
    """Raises `BadRow` for a control of which it is not known which text was on its left."""
    for shown_there in found:
        compared = _in_fields(shown_there, two)
        if compared not in ((two.left, two.right), (two.right, two.left), ()):
            raise BadRow(
                f"{name!r} compares {' and '.join(compared)}, and nothing says which of "
                f"{two.left} and {two.right} each is; let the tasks carry their label_config, or "
                "write the two fields into to_name, the left one first"
            )
        if not compared and not _is_ordered(two):
            raise BadRow(
                f"{name!r} says left or right, and nothing says which of {two.left} and "
                f"{two.right} was on the left; let its results carry to_name, the left one first, "
                "and the tasks their label_config where the names are not those of the fields"
            )


def check_short(name: str, values: Collection[str], two: Sides) -> None:
    """Raises `BadRow` where a short export, which carries no `to_name`, says left or right of two
    texts whose names do not."""
    if not _OTHER.keys().isdisjoint(values) and not _is_ordered(two):
        raise BadRow(
            f"{name!r} says left or right, and nothing says which of {two.left} and {two.right} "
            "was on the left; take the JSON export, or rename them to response_left and "
            "response_right"
        )


def _is_ordered(two: Sides) -> bool:
    """Returns whether the names say which text is the first: answer1 and answer2."""
    return sides.two_alike(dict.fromkeys(two, ""), usual=False) is not None
