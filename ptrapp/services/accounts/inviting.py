"""Makes invitations for people and tokens for programs; each secret is returned once."""

from datetime import timedelta
from typing import NamedTuple

from db.models import Member
from db.people import invitations, members, tokens
from db.people.withdrawing import withdraw
from db.storage.errors import Conflict
from db.storage.session import Session
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.people import Person, Role
from ptrapp.services.context import DataContext
from ptrapp.services.labelling import people

MOST_USES = 1000
MOST_DAYS = 90
DAYS = 14
"""Days that an invitation is good for unless somebody says otherwise: a holiday between."""
LINK_LASTS = timedelta(days=1)
"""How long a link for another browser of somebody is good: it lets in as her."""


class Made(NamedTuple):
    """A new invitation or token: its id, and its secret, which is shown once."""

    id: int
    secret: str
    name: str = ""
    """Whom an invitation is for; empty where whoever has it chooses a name."""


def invite(
    context: DataContext,
    role: Role,
    name: str = "",
    *,
    again: bool = False,
    n_uses: int = 1,
    days: float = DAYS,
    by: Person,
) -> Made:
    """Makes a link that lets people in. `again` is for another browser of who has the name.

    Raises `InputError` for a judge or an unusable name, `Conflict` for a name that is taken, and
    for a member's name with another role than hers: no link changes it.
    """
    if role is Role.JUDGE:
        raise InputError("A judge is a program: make a token for it, under a name of its own.")
    if name and n_uses > 1 and not again:
        raise InputError("A link with a name is for one person; leave the name out to share it.")
    invited = people.invite(context, role, name, again=again)
    with context.database.write() as session:
        member = members.find(session, invited.uid) if invited.uid else None
        if member is not None and member.role != role.value:
            raise Conflict(
                f"{invited.name} is {member.role} here; change her role on People, not by a link."
            )
        row, secret = invitations.issue(
            session, role.value, lasts=timedelta(days=days), n_uses=n_uses,
            uid=invited.uid or None, name=invited.name, by=by.rater,
        )  # fmt: skip
        return Made(row.id, secret, row.name)


def link_for(context: DataContext, member_id: int, by: Person) -> Made:
    """Makes a link for another browser of a member, who may choose a new password there.

    It says who she is, not what she may do: her role is what it is when she follows it.
    """
    with context.database.write() as session:
        member = _member(session, member_id)
        rater = people.row_of(session, Person("", Role(member.role), member.uid))
        row, secret = invitations.issue(
            session, member.role, lasts=LINK_LASTS, uid=member.uid, name=rater.name, by=by.rater
        )
        return Made(row.id, secret, row.name)


def make_token(context: DataContext, role: Role, name: str, *, by: Person) -> Made:
    """Makes a token for a program, which votes as a rater of its own under this name.

    A judge's name may be given again: its votes stay one rater's. Raises `InputError`, `Conflict`.
    """
    if not name.strip():
        raise InputError("A program votes under a name of its own: give it one.")
    program = people.invite(context, role, name)
    with context.database.write() as session:
        return Made(*tokens.issue(session, role.value, program.rater, program.name, by.rater))


def end_invitation(context: DataContext, invitation_id: int) -> None:
    """Revokes an invitation. Raises `Missing`."""
    with context.database.write() as session:
        invitations.revoke(session, invitation_id)


def end_token(context: DataContext, token_id: int) -> None:
    """Revokes a token, and what its program made. Raises `Missing`."""
    with context.database.write() as session:
        withdraw(session, tokens.revoke(session, token_id).uid)


def _member(session: Session, member_id: int) -> Member:
    member = session.get(Member, member_id, with_for_update=True)
    if member is None or member.removed_at is not None:
        raise NotFound(f"There is no member {member_id}.")
    return member
