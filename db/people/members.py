"""Stores members: people who were let in, with a role that holds wherever they are signed in."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from db.models import (
    IMPORTED,
    Invitation,
    Member,
    Outcome,
    ProgramToken,
    Rater,
    RaterKind,
    SignIn,
    Vote,
    now,
)
from db.people import invitations, tokens
from db.people.withdrawing import withdraw
from db.storage.errors import Conflict, Missing

ADMIN = "admin"


class MemberRow(NamedTuple):
    """A member with what the tables beside hers say."""

    member: Member
    name: str
    """Her name as a rater; empty while she has no row there."""
    n_votes: int


def find(session: Session, uid: str) -> Member | None:
    """Returns the member of this identity, None for nobody and for one who was removed."""
    found = select(Member).where(Member.uid == uid, Member.removed_at.is_(None))
    return session.scalars(found).one_or_none()


def find_by_hub(session: Session, hub_id: str) -> Member | None:
    """Returns the member who signs in with this id of Hugging Face, one who was removed too."""
    return session.scalars(select(Member).where(Member.hub_id == hub_id)).one_or_none()


def was_ever(session: Session, uid: str) -> bool:
    """Returns whether somebody of this identity is a member, or was one."""
    return session.scalars(select(Member.id).where(Member.uid == uid)).first() is not None


def was_removed(session: Session, uid: str, since: datetime) -> bool:
    """Returns whether the member of this identity was removed after that time."""
    found = select(Member.id).where(Member.uid == uid, Member.removed_at >= since)
    return session.scalars(found).first() is not None


def admit(session: Session, uid: str, role: str) -> Member:
    """Returns the member of this identity, who has the role from now on.

    Raises `Conflict` where it is the last admin's, and the role is another.
    """
    member = session.scalars(select(Member).where(Member.uid == uid)).one_or_none()
    if member is None:
        member = Member(uid=uid, role=role)
        session.add(member)
    elif member.removed_at is not None:
        member.removed_at, member.role = None, role
    else:
        _set_role(session, member, role)
    session.flush()
    return member


def change_role(session: Session, member_id: int, role: str) -> Member:
    """Gives a member another role at once, in every browser. Raises `Conflict`, `Missing`.

    Links that let in as her end; with the role of an admin, what she made by it ends too.
    """
    member = _present(session, member_id)
    _set_role(session, member, role)
    session.flush()
    return member


def remove(session: Session, member_id: int) -> Member:
    """Removes a member and signs out her browsers; her votes stay. Raises `Conflict`, `Missing`.

    Links that let in as her end, and the links and programs' tokens that she made.
    """
    member = _present(session, member_id)
    _keep_an_admin(session, member)
    member.removed_at, member.password = now(), None
    session.flush()  # waits for who makes her a link at this moment
    invitations.revoke_for(session, member.uid)
    _end_what_she_made(session, member)
    ended = update(SignIn).where(SignIn.member_id == member.id, SignIn.ended_at.is_(None))
    session.execute(ended.values(ended_at=now()))
    session.flush()
    return member


def has_admin(session: Session) -> bool:
    """Returns whether any admin is a member."""
    return session.scalars(_admins().limit(1)).first() is not None


def listing(session: Session) -> list[MemberRow]:
    """Returns all members, the oldest first, with their names and votes, the changed once."""
    votes = (
        select(Vote.rater_id, func.count(Vote.id).label("n"))
        .where(Vote.outcome != Outcome.WITHDRAWN, ~Vote.is_superseded())
        .group_by(Vote.rater_id)
        .subquery()
    )
    rows = (
        select(Member, Rater.name, votes.c.n)
        .outerjoin(Rater, Rater.uid == Member.uid)
        .outerjoin(votes, votes.c.rater_id == Rater.id)
        .where(Member.removed_at.is_(None))
        .order_by(Member.id)
    )
    return [MemberRow(member, name or "", n or 0) for member, name, n in session.execute(rows)]


def count_without_account(session: Session) -> int:
    """Returns how many people have asked, rated or taken a name and never were members.

    A program with a token is none of them. Who was invited by name and has not come yet has done
    neither, and whoever is named in a file that was imported was never here.
    """
    awaited = select(Invitation.uid).where(
        Invitation.uid.startswith(invitations.BY_NAME), Invitation.n_used == 0
    )
    people = select(func.count(Rater.id)).where(
        Rater.kind == RaterKind.HUMAN,
        ~Rater.name.startswith(IMPORTED),
        Rater.uid.not_in(select(Member.uid)),
        Rater.uid.not_in(select(ProgramToken.uid)),
        Rater.uid.not_in(awaited),
    )
    return session.scalars(people).one()


def saw(session: Session, member_ids: Sequence[int], at: datetime) -> None:
    """Notes when members were seen."""
    session.execute(update(Member).where(Member.id.in_(member_ids)).values(seen_at=at))


def _admins() -> Select[int]:
    return select(Member.id).where(Member.role == ADMIN, Member.removed_at.is_(None))


def _set_role(session: Session, member: Member, role: str) -> None:
    if role != ADMIN:
        _keep_an_admin(session, member)
    if role == member.role:
        return
    loses = member.role == ADMIN
    member.role = role
    session.flush()  # waits for who makes her a link at this moment
    invitations.revoke_for(session, member.uid)
    if loses:
        _end_what_she_made(session, member)


def _end_what_she_made(session: Session, member: Member) -> None:
    tokens.revoke_as(session, member.uid)
    withdraw(session, member.uid)


def _keep_an_admin(session: Session, member: Member) -> None:
    """Raises `Conflict` where this is the only admin. The rows are locked: two admins who remove
    each other at once would both succeed."""
    if member.role != ADMIN:
        return
    admins = session.scalars(_admins().with_for_update()).all()
    if not set(admins) - {member.id}:
        raise Conflict("This is the only admin; make somebody else an admin first.")


def _present(session: Session, member_id: int) -> Member:
    member = session.get(Member, member_id)
    if member is None or member.removed_at is not None:
        raise Missing(f"There is no member {member_id}; load the page again.")
    return member
