"""Finds the rater's row of a person, invites people, and renames them.

Who somebody is and what somebody is called are two things: sessions and invitations hold an
identity, and a name is a label that one rater at a time may have.
"""

import re
import unicodedata
from secrets import token_hex

from db.labelling import raters
from db.models import Rater, RaterKind
from db.people import invitations, members
from db.storage.errors import Conflict
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.core.people import Person, Role
from ptrapp.services.context import DataContext

MAX_NAME = 40
_NAME = re.compile(r"[^\W_][\w .'\-]*")
"""Letters, digits, spaces, dots, apostrophes, hyphens; a colon marks judges and imports."""
_LOOK_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}


def kind_of(person: Person) -> RaterKind:
    """Returns the kind of rater that a person or an agent is."""
    return RaterKind.JUDGE if person.is_judge else RaterKind.HUMAN


def row_of(session: Session, person: Person) -> Rater:
    """Returns the rater's row of a person or an agent, and stores it if new."""
    return raters.ensure_person(session, kind_of(person), person.rater)


def id_of(session: Session, person: Person) -> int:
    """Returns the id of that row."""
    if person.rater_id is not None:
        return person.rater_id
    return raters.person_id(session, kind_of(person), person.rater)


def take_name(context: DataContext, person: Person, name: str) -> str:
    """Renames a person, who keeps all votes. Returns the name as it is stored.

    Raises `InputError` for a name that cannot be used, `Conflict` for one that is taken.
    """
    wanted = checked_name(name)
    if wanted != person.name:
        with context.database.write() as session:
            raters.rename_rater(session, row_of(session, person), wanted)
    return wanted


def name_of(context: DataContext, person: Person) -> str:
    """Returns a person's present name, which another browser may have changed."""
    with context.database.read() as session:
        row = find_row(session, person)
        return row.name if row and not person.is_judge else person.name


def invite(context: DataContext, role: Role, name: str, *, again: bool = False) -> Person:
    """Returns the person that an invitation admits; with a name, a rater who owns it from then on.

    A name that somebody was invited by and never came for is given again, and the link before ends;
    so is that of a member who was removed, to herself.
    `again` admits the person who has the name already on another browser. Raises `InputError` for a
    name that cannot be used, `Conflict` for one that is taken, or that nobody has with `again`.
    """
    if not name:
        return Person("", role)
    wanted = checked_name(name)
    with context.database.write() as session:
        if role is Role.JUDGE:
            agent = Person(wanted, role, f"agent:{wanted}")
            row_of(session, agent)
            return agent
        if again:
            known = raters.find_named(session, wanted)
            if known is None or known.kind is not RaterKind.HUMAN:
                raise Conflict(f"There is nobody called {wanted!r}; invite them as somebody new.")
            return Person(known.name, role, known.uid)
        if (known := raters.find_named(session, wanted)) is not None:
            if not (_take_back(session, known) or _was_removed(session, known)):
                raise Conflict(
                    f"There is a rater called {known.name!r} already. If they are to come in with "
                    "another browser, make a link for that; else invite under another name."
                )
            return Person(known.name, role, known.uid)
        invited = Person(wanted, role, f"{invitations.BY_NAME}{token_hex(8)}")
        raters.rename_rater(session, row_of(session, invited), wanted)
        return invited


def _take_back(session: Session, rater: Rater) -> bool:
    """Ends the links by which somebody was invited; returns False where one was used."""
    if not rater.uid.startswith(invitations.BY_NAME):
        return False
    invitations.revoke_for(session, rater.uid)  # first: who uses one at this moment has come
    return not members.was_ever(session, rater.uid)


def _was_removed(session: Session, rater: Rater) -> bool:
    """Returns whether a rater was a member and is none now: an invitation brings her back."""
    gone = members.find(session, rater.uid) is None
    return rater.kind is RaterKind.HUMAN and gone and members.was_ever(session, rater.uid)


def checked_name(name: str) -> str:
    """Returns a name as it may be stored. Raises `InputError`."""
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > MAX_NAME or not _NAME.fullmatch(wanted):
        raise InputError(
            f"{wanted[:60]!r} cannot be a name: use 1 to {MAX_NAME} letters, digits, spaces, "
            "dots, apostrophes or hyphens, and begin with a letter or digit."
        )
    if any(map(_mixes_alphabets, wanted.split())):
        raise InputError(
            f"{wanted!r} mixes letters of two alphabets that look alike. Write it in one of them."
        )
    return wanted


def _mixes_alphabets(word: str) -> bool:
    """Returns whether a word could pass for another one, as Аnn with a Cyrillic А for Ann."""
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}
    return len(scripts & _LOOK_ALIKE) > 1


def find_row(session: Session, person: Person) -> Rater | None:
    """Returns the rater's row, None for a person who has not rated yet."""
    return raters.find_person(session, person.rater)
