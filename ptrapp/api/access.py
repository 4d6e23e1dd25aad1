"""Dependencies of routes that check the caller's role; every route has one of them.

They are `async` since they do not block: FastAPI runs other dependencies in a thread each.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Depends, Request, params

from ptrapp.api.session import identified
from ptrapp.core.errors import Forbidden
from ptrapp.core.people import ADMINS, EVERYBODY, LABELS, READS, Person, Role


def _only(roles: frozenset[Role], what: str) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        role = (await identified(request)).role
        if role not in roles:
            raise Forbidden(f"{what} is not for the role {role.value}.")

    return check


async def _caller(request: Request) -> Person:
    return await identified(request)


async def _rater(request: Request) -> str:
    return (await identified(request)).rater


Caller = Annotated[Person, Depends(_caller)]
Rater = Annotated[str, Depends(_rater)]
"""The caller's identity as a rater."""

readers = [Depends(_only(READS, "Reading this"))]
labellers = [Depends(_only(LABELS, "Labelling"))]
admins = [Depends(_only(ADMINS, "This"))]


def only(roles: frozenset[Role]) -> Sequence[params.Depends]:
    """Returns the dependencies of a route for these roles."""
    return {LABELS: labellers, READS: readers, ADMINS: admins, EVERYBODY: []}[roles]
