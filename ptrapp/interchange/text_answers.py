"""Decides whether the cells of a column name a text by its place, or repeat its very words.

A cell `2` or `A` may be both. The whole column decides: what does not fit every row is not meant.
Where both fit every row and do not say the same, the file is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ptrapp.core.counts import counted
from ptrapp.core.errors import BadRow
from ptrapp.core.types import Choice
from ptrapp.interchange.profile import Column, answer_text
from ptrapp.interchange.sides import Sides, preference_from

_MAX_KEPT = 1000
"""Answers of which it is kept which text they name."""
_EVEN = (Choice.TIE, Choice.BOTH_BAD)


@dataclass(slots=True)
class Fit:
    """How the cells of one column go with the two texts of their rows."""

    n_repeating: int = 0
    """Cells that are the very words of one of the two texts."""
    n_differing: int = 0
    """Cells that are read both ways, and say different things."""
    all_repeat: bool = True
    """Whether each cell repeats one of the two texts, or says that they are even."""
    all_name: bool = True
    """Whether each cell names the place of a text, or says that they are even."""

    @property
    def is_text(self) -> bool:
        """Whether the column repeats texts, and does not name places."""
        return self.all_repeat and not self.all_name and self.n_repeating > 0

    def add(self, value: str, texts: Sequence[Any], named: Choice | None) -> None:
        """Counts one cell beside the two texts of its row, and the place that it names."""
        said = repeated(value, *texts)
        self.n_repeating += said is not None
        self.all_repeat &= said is not None or (named in _EVEN)
        self.all_name &= named is not None
        self.n_differing += said is not None and named is not None and said != named


def candidates(columns: Mapping[str, Column], names: Iterable[str], compared: Sides) -> list[str]:
    """Returns those of `names` whose cells could be the words of a text, by how long both are."""
    sided = [columns[name] for name in compared]
    if all(one.n_filled == one.n_long for one in sided):
        return [name for name in names if columns[name].n_long]
    return list(names)


def fits(rows: Iterable[Mapping[str, Any]], names: list[str], compared: Sides) -> dict[str, Fit]:
    """Returns how each column goes with the texts of the rows; it reads all rows."""
    found = {name: Fit() for name in names}
    named: dict[str, Choice | None] = {}
    for row in rows if names else ():
        texts = [row.get(side) for side in compared]
        for name, fit in found.items():
            value = answer_text(cell := row.get(name))
            if value or isinstance(cell, list | Mapping):
                value = value or ""
                if value not in named and len(named) < _MAX_KEPT:
                    named[value] = _named(value, compared)
                place = named[value] if value in named else _named(value, compared)
                fit.add(value, texts, place)
    return found


def checked(
    name: str, columns: Mapping[str, Column], cells: Iterable[Mapping[str, Any]], compared: Sides
) -> str:
    """Returns what `check` does of one column, and reads the cells only where they can be short."""
    found = fits(cells, candidates(columns, [name], compared), compared)
    return check(name, found[name], compared) if found else ""


def check(name: str, fit: Fit, compared: Sides) -> str:
    """Returns a sentence where cells of a column that names places are the words of a text too.

    Raises `BadRow` where the column can be read either way.
    """
    if not fit.n_differing:
        return ""
    if fit.all_repeat and fit.all_name:
        raise BadRow(
            f"the cells of {name!r} may name the place of a text or be its very words, and these "
            f"are different texts in {counted(fit.n_differing, 'row')}; write {compared.left} and "
            f"{compared.right} into it, or give the two texts as chosen and rejected"
        )
    return (
        f"{name} names the place of a text, also where a cell is the words of the other one "
        f"(in {counted(fit.n_differing, 'row')}): not every cell is"
    )


def repeated(value: str, left: Any, right: Any) -> Choice | None:
    """Returns the text whose very words a cell holds, None where it is neither or both."""
    same = [isinstance(one, str) and one.strip() == value for one in (left, right)]
    if same[0] == same[1]:
        return None
    return Choice.LEFT if same[0] else Choice.RIGHT


def _named(value: str, compared: Sides) -> Choice | None:
    try:
        return preference_from(value, compared).choice
    except BadRow:
        return None
