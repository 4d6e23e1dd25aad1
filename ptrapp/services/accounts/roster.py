"""Lists who may come in, and changes it: members, their browsers, invitations, programs' tokens."""

from dataclasses import dataclass
from datetime import datetime

from db.labelling import raters
from db.people import invitations, members, sign_ins, tokens
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.core.people import Role
from ptrapp.services.context import DataContext


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as an admin sees her."""

    id: int
    name: str
    role: str
    signs_in: str
    """By what: a password, Hugging Face, or links alone."""
    seen_at: datetime
    n_votes: int


@dataclass(frozen=True, slots=True)
class BrowserView:
    """A browser that somebody is signed in with."""

    id: int
    name: str
    browser: str
    seen_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation that still lets somebody in."""

    id: int
    role: str
    name: str
    n_used: int
    n_uses: int
    expires_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class TokenView:
    """A program's token, without the token itself."""

    id: int
    name: str
    role: str
    seen_at: datetime | None
    created_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody who may come in, and by what."""

    members: list[MemberView]
    browsers: list[BrowserView]
    invitations: list[InvitationView]
    tokens: list[TokenView]
    n_without_account: int
    """People who have voted or taken a name and are no members."""


def read(context: DataContext) -> Roster:
    """Returns the whole roster; it is for admins."""
    with context.database.read() as session:
        rows = members.listing(session)
        names = {row.member.id: row.name or row.member.uid for row in rows}
        return Roster(
            [
                MemberView(
                    row.member.id, names[row.member.id], row.member.role, _by_what(row),
                    row.member.seen_at, row.n_votes,
                )
                for row in rows
            ],
            [
                BrowserView(one.id, names[one.member_id], one.browser, one.seen_at, one.created_at)
                for one in sign_ins.listing(session)
                if one.member_id in names
            ],
            [
                InvitationView(
                    one.id, one.role, one.name, one.n_used, one.n_uses, one.expires_at,
                    _named(session, one.invited_by) or "the terminal",
                )
                for one in invitations.listing(session)
            ],
            [
                TokenView(
                    one.id, one.name, one.role, one.seen_at, one.created_at,
                    _named(session, one.made_by),
                )
                for one in tokens.listing(session)
            ],
            members.count_without_account(session),
        )  # fmt: skip


def browsers_of(context: DataContext, member_id: int) -> list[BrowserView]:
    """Returns the browsers that one member is signed in with."""
    with context.database.read() as session:
        return [
            BrowserView(one.id, "", one.browser, one.seen_at, one.created_at)
            for one in sign_ins.listing(session, member_id)
        ]


def change_role(context: DataContext, member_id: int, role: Role) -> None:
    """Gives a member another role, in every browser at once. Raises `Conflict`, `Missing`."""
    if role is Role.JUDGE:
        raise InputError("A judge is a program; people are admin, annotator or viewer.")
    with context.database.write() as session:
        members.change_role(session, member_id, role.value)


def remove(context: DataContext, member_id: int) -> None:
    """Removes a member, whose votes stay, and signs her out. Raises `Conflict`, `Missing`."""
    with context.database.write() as session:
        members.remove(session, member_id)


def _by_what(row: members.MemberRow) -> str:
    ways = ["password"] if row.member.password else []
    if row.member.hub_name:
        ways.append(f"Hugging Face ({row.member.hub_name})")
    return ", ".join(ways) or "links alone"


def _named(session: Session, uid: str) -> str:
    rater = raters.find_person(session, uid) if uid else None
    return rater.name if rater else uid
