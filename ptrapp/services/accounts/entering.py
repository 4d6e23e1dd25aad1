"""Lets people in: by an invitation, by a password, or because Hugging Face says who they are."""

import re
from datetime import timedelta
from secrets import token_hex
from typing import NamedTuple

from db.labelling import raters
from db.models import Invitation, Member, RaterKind
from db.people import invitations, members, sign_ins
from db.storage.errors import Conflict
from db.storage.session import Session
from ptrapp.core.errors import Forbidden, InputError
from ptrapp.core.people import Person, Role
from ptrapp.services.accounts import attempts
from ptrapp.services.accounts.identifying import SignedIn
from ptrapp.services.accounts.passwords import hash_password, is_password
from ptrapp.services.context import DataContext
from ptrapp.services.labelling import people

SET_UP_LASTS = timedelta(days=1)
"""How long the set-up link of a start is good: it is shown in a terminal and in its log."""
_ID = "id:"
_LOOKS_LIKE_ID = re.compile(r"[0-9]+|[0-9a-f]{24}")
"""Hugging Face's ids are 24 hexadecimal digits; other providers number their users."""
WRONG = "This name and password do not belong together. An admin can send you a link instead."


class Offered(NamedTuple):
    """What a link offers, as the page that asks shows it."""

    role: Role
    name: str
    """Who is invited; empty lets the person choose a name."""
    by: str
    """Who invited; empty for the set-up link."""

    @property
    def is_set_up(self) -> bool:
        return not self.by


class HubUser(NamedTuple):
    """Who somebody is at Hugging Face."""

    id: str
    name: str


def set_up(context: DataContext) -> str | None:
    """Returns the secret of a link for the first admin, None where there is one.

    Links of earlier starts are void from then on.
    """
    with context.database.write() as session:
        if members.has_admin(session):
            return None
        return link_for_admin(session)


def link_for_admin(session: Session) -> str:
    """Returns the secret of a new link for an admin, for who has the terminal."""
    invitations.revoke_by(session, "")
    return invitations.issue(session, Role.ADMIN.value, lasts=SET_UP_LASTS)[1]


def offered(context: DataContext, secret: str) -> Offered:
    """Returns what an invitation offers. Raises `Forbidden` for one that lets nobody in."""
    with context.database.read() as session:
        row = _open(session, secret)
        by = raters.find_person(session, row.invited_by) if row.invited_by else None
        member = members.find(session, row.uid) if row.uid else None
        role = member.role if member else row.role
        return Offered(Role(role), row.name, by.name if by else row.invited_by)


def join(
    context: DataContext,
    secret: str,
    visitor: Person,
    now_here: SignedIn | None,
    *,
    name: str = "",
    password: str = "",
    hub: HubUser | None = None,
    browser: str = "",
    address: str = "",
) -> str:
    """Lets a person in by an invitation. Returns the secret for the browser's cookie.

    A password in place of another one signs her other browsers out, and wrong ones at this address
    are forgotten. A visitor keeps her identity and votes. A link for a member lets in as her, with
    the role that she has: it changes none, and brings back nobody who was removed since it was
    made. Who is signed in already and follows a link without a name keeps her account too, and gets
    the role unless she is an admin. Raises `Forbidden` for a link that lets nobody in, `InputError`
    for a name or password, `Conflict` for a taken name.
    """
    hashed = hash_password(password) if password else None
    with context.database.write() as session:
        row = _open(session, secret)
        if not row.invited_by and hashed is None and hub is None:
            raise InputError("The first admin needs a password: this link is good only once.")
        if row.uid is not None:
            member = _named(session, row, row.uid)
        elif now_here is not None:
            member = _promoted(session, now_here, row)
        else:
            member = _newcomer(session, visitor, row.role, name)
        if hashed is not None:
            if member.password is not None:  # lost or stolen; with a first one all stay
                sign_ins.end_all(session, member.id, but=now_here.id if now_here else None)
            member.password = hashed
        if hub is not None:
            _belongs_to(session, member, hub)
        invitations.use(session, row)
        attempts.forget(session, member.uid, address)
        if now_here is not None:
            sign_ins.end(session, now_here.id)
        return sign_ins.begin(session, member, browser)


def sign_in(context: DataContext, name: str, password: str, address: str, browser: str) -> str:
    """Signs a member in by name and password. Returns the secret for the browser's cookie.

    Raises `Forbidden`, which does not say whether there is such a name, and `TooMuch`.
    """
    name = " ".join(name.split())
    with context.database.read() as session:
        known = raters.find_named(session, name) if _is_name(name) else None
        member = members.find(session, known.uid) if known else None
    who = known.uid if known else name[: people.MAX_NAME + 1]
    attempt = attempts.begin(context, who, address)
    if not is_password(member.password if member else None, password) or member is None:
        raise Forbidden(WRONG)
    attempts.was_right(context, attempt)
    with context.database.write() as session:
        present = members.find(session, member.uid)
        if present is None or present.password != member.password:
            raise Forbidden(WRONG)
        return sign_ins.begin(session, present, browser)


def sign_in_by_hub(
    context: DataContext, hub: HubUser, visitor: Person, now_here: SignedIn | None, browser: str
) -> str:
    """Signs in who Hugging Face says it is. Returns the secret for the browser's cookie.

    Who is signed in already connects the two; who comes for the first time is a member with the
    role of visitors, but an admin only if the settings name her. Raises `Forbidden` for who was
    removed.
    """
    settings = context.settings
    is_admin = any(_is_meant(hub, named) for named in settings.hf_admin)
    newcomer = Role.ANNOTATOR if settings.visitor_role is Role.ADMIN else settings.visitor_role
    with context.database.write() as session:
        member = members.find_by_hub(session, hub.id)
        if member is not None and member.removed_at is not None:
            raise Forbidden("You were removed here; an admin can invite you again.")
        if member is None and now_here is not None:
            member = session.get_one(Member, now_here.member_id)
        elif member is None:
            role = Role.ADMIN if is_admin else newcomer
            member = _newcomer(session, visitor, role.value, _free_name(session, hub.name))
        if is_admin:
            member.role = Role.ADMIN.value
        _belongs_to(session, member, hub)
        if now_here is not None:
            sign_ins.end(session, now_here.id)
        return sign_ins.begin(session, member, browser)


def set_password(
    context: DataContext, now_here: SignedIn, old: str, new: str, address: str
) -> None:
    """Gives a member a new password and signs her other browsers out.

    Raises `Forbidden` where she has one and `old` is another, and `TooMuch`.
    """
    with context.database.read() as session:
        stored = session.get_one(Member, now_here.member_id).password
    if stored is not None:
        attempt = attempts.begin(context, now_here.person.rater, address)
        if not is_password(stored, old):
            raise Forbidden(
                "The old password is another one. If it is lost, ask an admin for a link: the page "
                "that it opens takes a new one."
            )
        attempts.was_right(context, attempt)
    hashed = hash_password(new)
    with context.database.write() as session:
        session.get_one(Member, now_here.member_id).password = hashed
        sign_ins.end_all(session, now_here.member_id, but=now_here.id)


def _is_meant(hub: HubUser, named: str) -> bool:
    """Returns whether a setting names this user, by an id or else by a name, never by either.

    An id is given as `id:…`, or looks like one. Anybody may take the name that is somebody's id.
    """
    if named.startswith(_ID) or _LOOKS_LIKE_ID.fullmatch(named):
        return hub.id == named.removeprefix(_ID)
    return hub.name == named


def _open(session: Session, secret: str) -> Invitation:
    try:
        return invitations.find(session, secret)
    except Conflict as error:
        raise Forbidden(str(error)) from error


def _named(session: Session, row: Invitation, uid: str) -> Member:
    """Returns whom a link names: a member as she is, or somebody who becomes one."""
    member = members.find(session, uid)
    if member is not None:
        return member
    if members.was_removed(session, uid, row.created_at):
        raise Forbidden(invitations.SPENT)
    return members.admit(session, uid, row.role)


def _promoted(session: Session, here: SignedIn, row: Invitation) -> Member:
    """Gives the member who is signed in the role of an invitation; an admin loses nothing."""
    if here.person.role in (Role.ADMIN, Role(row.role)):
        raise Conflict(
            f"You are {here.person.name} here, as {here.person.role.value} already; the link is "
            "not used. Sign out first to join as somebody else."
        )
    return members.change_role(session, here.member_id, row.role)


def _newcomer(session: Session, visitor: Person, role: str, name: str) -> Member:
    """Makes a member of a visitor, who keeps her identity unless a member has it."""
    uid = visitor.uid
    if not uid or members.find(session, uid) is not None:
        uid = f"member-{token_hex(8)}"
    rater = raters.ensure_person(session, RaterKind.HUMAN, uid)
    wanted = name.strip() or visitor.name
    if wanted != rater.name:
        raters.rename_rater(session, rater, people.checked_name(wanted))
    return members.admit(session, uid, role)


def _belongs_to(session: Session, member: Member, hub: HubUser) -> None:
    other = members.find_by_hub(session, hub.id)
    if other is not None and other.id != member.id:
        raise Conflict(f"{hub.name} of Hugging Face is another member's already.")
    member.hub_id, member.hub_name = hub.id, hub.name[:120]
    session.flush()


def _is_name(name: str) -> bool:
    try:
        return bool(people.checked_name(name))
    except InputError:
        return False


def _free_name(session: Session, wanted: str) -> str:
    """Returns a name at Hugging Face as it may be used here: cut, numbered where it is taken."""
    base = wanted[: people.MAX_NAME - 4]
    if not _is_name(base):
        base = "member"
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    return next(one for one in names if raters.find_named(session, one) is None)
