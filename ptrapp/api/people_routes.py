"""The routes about people: one's own name and role, and for admins who may come in, and by what."""

from fastapi import APIRouter, Request
from pydantic import Field

from ptrapp.api.access import Caller, admins
from ptrapp.api.answers import Invited, Me, StateNow
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.api.session import link_of, take_label
from ptrapp.core.errors import InputError
from ptrapp.core.people import Role
from ptrapp.services.accounts import identifying, inviting, roster
from ptrapp.services.context import AppContext
from ptrapp.services.frame import Frame, read_frame
from ptrapp.services.labelling import people


class Name(Body):
    name: str = Field(max_length=200)


class Invitation(Body):
    """Whom to invite; without a name the person chooses one."""

    role: Role
    name: str = Field("", max_length=200)
    again: bool = False
    """Whether the invited person has the name already, on another browser."""
    uses: int = Field(1, ge=1, le=inviting.MOST_USES)
    """How many may follow the link."""
    days: float = Field(inviting.DAYS, gt=0, le=inviting.MOST_DAYS)
    """Days that the link is good for."""


class NewToken(Body):
    """A program's token: under which name it votes, and what it may do."""

    role: Role
    name: str = Field(max_length=200)


class NewRole(Body):
    role: Role


def add_people_routes(router: APIRouter, context: AppContext) -> None:
    """Adds the routes to the router."""

    @router.get("/me", tags=["people"])
    def me(person: Caller) -> Me:
        """Read one's own name and role."""
        return Me(people.name_of(context, person), person.role.value, person.rater)

    @router.get("/frame", tags=["people"])
    def frame(person: Caller) -> Frame:
        """Read what the bar of every page shows: one's pages, the version that answers, the job."""
        return read_frame(context, person)

    @router.post("/me", tags=["people"])
    def take_name(body: Name, request: Request, person: Caller) -> Me:
        """Change one's own name; earlier votes stay one's own."""
        if "authorization" in request.headers:
            raise InputError("A token has the name it was made with; ask for another token.")
        name = people.take_name(context, person, body.name)
        take_label(request, name)
        return Me(name, person.role.value, person.rater)

    @router.get("/people", dependencies=admins, tags=["people"])
    def read_people() -> roster.Roster:
        """Read who may come in: members, their browsers, invitations, tokens without their text."""
        return roster.read(context)

    @router.post("/people/{member_id}/role", dependencies=admins, tags=["people"])
    def change_role(member_id: Id, body: NewRole) -> StateNow:
        """Give a member another role, in every browser at once."""
        roster.change_role(context, member_id, body.role)
        return StateNow(body.role.value)

    @router.post("/people/{member_id}/remove", dependencies=admins, tags=["people"])
    def remove(member_id: Id) -> StateNow:
        """Remove a member and sign her out; her votes stay."""
        roster.remove(context, member_id)
        return StateNow("removed")

    @router.post("/people/{member_id}/link", status_code=201, dependencies=admins, tags=["people"])
    def link(member_id: Id, request: Request, person: Caller) -> Invited:
        """Make a link for another browser of a member, good once and for a day."""
        made = inviting.link_for(context, member_id, person)
        return Invited(made.id, made.secret, link_of(request, made.secret))

    @router.post("/sign-ins/{sign_in_id}/end", dependencies=admins, tags=["people"])
    def sign_out(sign_in_id: Id) -> StateNow:
        """Sign one browser of a member out."""
        identifying.end(context, sign_in_id)
        return StateNow("signed out")

    @router.post("/invitations", status_code=201, dependencies=admins, tags=["people"])
    def invite(body: Invitation, request: Request, person: Caller) -> Invited:
        """Make a link that lets people in; it is shown once."""
        made = inviting.invite(
            context, body.role, body.name, again=body.again, n_uses=body.uses, days=body.days,
            by=person,
        )  # fmt: skip
        return Invited(made.id, made.secret, link_of(request, made.secret))

    @router.post("/invitations/{invitation_id}/revoke", dependencies=admins, tags=["people"])
    def revoke_invitation(invitation_id: Id) -> StateNow:
        """Revoke an invitation; who came in by it stays."""
        inviting.end_invitation(context, invitation_id)
        return StateNow("revoked")

    @router.post("/tokens", status_code=201, dependencies=admins, tags=["people"])
    def make_token(body: NewToken, person: Caller) -> Invited:
        """Make a token, which a program sends as Bearer; it is shown once."""
        made = inviting.make_token(context, body.role, body.name, by=person)
        return Invited(made.id, made.secret)

    @router.post("/tokens/{token_id}/revoke", dependencies=admins, tags=["people"])
    def revoke_token(token_id: Id) -> StateNow:
        """Revoke a token; the next request with it is refused."""
        inviting.end_token(context, token_id)
        return StateNow("revoked")
