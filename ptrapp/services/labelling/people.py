"""Finds the rater's row of a person, and renames people."""

import re

from db.labelling import raters
from db.models import Rater, RaterKind
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.core.people import Person
from ptrapp.services.context import DataContext

MAX_NAME = 40
_NAME = re.compile(r"[^\W_][\w .'\-]*")
"""Letters, digits, spaces, dots, apostrophes, hyphens; a colon marks judges and imports."""


def row_of(session: Session, person: Person) -> Rater:
    """Returns the rater's row of a person or an agent, and stores it if new."""
    kind = RaterKind.JUDGE if person.is_judge else RaterKind.HUMAN
    return raters.ensure_rater(session, kind, person.rater)


def take_name(context: DataContext, person: Person, name: str) -> str:
    """Renames a person, who keeps all votes. Returns the name as it is stored.

    Raises `InputError` for a name that cannot be used, `Conflict` for one that is taken.
    """
    wanted = checked_name(name)
    if wanted != person.name:
        with context.database.write() as session:
            raters.rename_rater(session, person.rater, wanted)
    return wanted


def checked_name(name: str) -> str:
    """Returns a name as it may be stored. Raises `InputError`."""
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > MAX_NAME or not _NAME.fullmatch(wanted):
        raise InputError(
            f"{wanted[:60]!r} cannot be a name: use 1 to {MAX_NAME} letters, digits, spaces, "
            "dots, apostrophes or hyphens, and begin with a letter or digit."
        )
    return wanted


def find_row(session: Session, person: Person) -> Rater | None:
    """Returns the rater's row, None for a person who has not rated yet."""
    return raters.find_rater(session, person.rater)
