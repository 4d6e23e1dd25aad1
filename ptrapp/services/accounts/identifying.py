"""Says who a browser's cookie or a program's token belongs to, as the rows are at this moment."""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from db.models import SignIn, now
from db.people import members, sign_ins, tokens
from db.storage.errors import Missing
from ptrapp.core.people import Person, Role
from ptrapp.services.context import DataContext
from ptrapp.services.labelling.people import kind_of

NOTED_EVERY = timedelta(minutes=1)
"""How often the time somebody was seen is written: reading a page is no write otherwise."""


class SignedIn(NamedTuple):
    """A member in one browser."""

    person: Person
    id: int
    """Of the sign-in."""
    member_id: int


def of_cookie(context: DataContext, secret: str) -> SignedIn | None:
    """Returns who is signed in with this cookie; None once it was signed out."""
    with context.database.look() as connection:
        row = sign_ins.known(connection, secret)
    if row is None:
        return None
    if abs(now() - row.seen_at) > NOTED_EVERY:
        with context.database.write(shared=True) as session:
            at = now()
            if (seen := session.get(SignIn, row.id)) is not None:
                seen.seen_at = at
            members.saw(session, [row.member_id], at)
    person = Person(row.rater_name or row.uid, Role(row.role), row.uid)
    if row.rater_kind is kind_of(person):
        person = replace(person, rater_id=row.rater_id)
    return SignedIn(person, row.id, row.member_id)


def of_token(context: DataContext, token: str) -> Person | None:
    """Returns the program that sends this token; None for a token that is none of ours any more."""
    with context.database.read() as session:
        row = tokens.find(session, token)
    if row is None:
        return None
    if row.seen_at is None or abs(now() - row.seen_at) > NOTED_EVERY:
        with context.database.write(shared=True) as session:
            tokens.saw(session, row.id, now())
    return Person(row.name, Role(row.role), row.uid)


def of_before_accounts(context: DataContext, uid: str, role: Role) -> SignedIn | None:
    """Returns who a cookie of an earlier version lets in, which held a role and could not be ended.

    The first time makes a member of this identity; once she is signed out or removed it is void.
    """
    secret = secret_of_before(uid)
    known = of_cookie(context, secret)
    if known is not None:
        return known
    with context.database.write() as session:
        if sign_ins.find(session, secret) is None and members.find(session, uid) is None:
            member = members.admit(session, uid, role.value)
            sign_ins.begin(session, member, "a browser of before accounts", secret)
    return of_cookie(context, secret)


def secret_of_before(uid: str) -> str:
    """Returns what stands for the secret that a cookie of an earlier version does not hold."""
    return f"before accounts: {uid}"


def end(context: DataContext, sign_in_id: int, *, of_member: int | None = None) -> None:
    """Signs a browser out; with `of_member` only one of hers. Raises `Missing`."""
    with context.database.write() as session:
        row = session.get(SignIn, sign_in_id)
        if row is None or (of_member is not None and row.member_id != of_member):
            raise Missing(f"There is no sign-in {sign_in_id}; load the page again.")
        sign_ins.end(session, sign_in_id)
