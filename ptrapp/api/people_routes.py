"""The routes about persons: one's own name and role, a new name, invitations."""

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse
from pydantic import Field

from ptrapp.api.access import Caller, admins
from ptrapp.api.answers import Invited, Me
from ptrapp.api.bodies import Body
from ptrapp.api.session import Invitations, sign_in, take_label
from ptrapp.core.errors import InputError
from ptrapp.core.people import Role
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


def add_people_routes(router: APIRouter, context: AppContext, invitations: Invitations) -> None:
    """Adds the routes to the router."""

    @router.get("/me", tags=["people"])
    def me(person: Caller) -> Me:
        """Read one's own name and role."""
        return Me(people.name_of(context, person), person.role.value)

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
        return Me(name, person.role.value)

    @router.post("/invitations", status_code=201, dependencies=admins, tags=["people"])
    def invite(body: Invitation, request: Request) -> Invited:
        """Make an invitation: a link for a browser, and the token that a script sends as Bearer."""
        if body.role is Role.JUDGE and not body.name:
            raise InputError("A judge is a rater of its own: give the agent a name.")
        invited = people.invite(context, body.role, body.name, again=body.again)
        token = invitations.issue(invited.role, invited.name, invited.uid)
        return Invited(token, f"{request.base_url}join?token={token}")


def add_join(app: FastAPI, invitations: Invitations) -> None:
    """Adds the page that an invitation's link leads to."""

    @app.get("/join", include_in_schema=False)
    def join(token: str, request: Request) -> RedirectResponse:
        invited = invitations.read(token)
        if invited.role is Role.JUDGE:
            raise InputError("This invitation is a program's: send its token as Bearer.")
        sign_in(request, invited)
        page = "label" if invited.role is Role.ANNOTATOR else ""
        return RedirectResponse(f"{request.scope.get('root_path', '')}/{page}", 303)
