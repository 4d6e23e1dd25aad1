"""Which roles may call a route; every route names one of these.

They are `async` because they only look: FastAPI sends the others through a thread each.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Depends, Request, params

from ptrapp.api.session import person_of
from ptrapp.core.errors import Forbidden
from ptrapp.core.people import ADMINS, EVERYBODY, LABELS, READS, Person, Role


def _only(roles: frozenset[Role], what: str) -> Callable[[Request], Awaitable[None]]:
    async def check(request: Request) -> None:
        role = person_of(request).role
        if role not in roles:
            raise Forbidden(f"{what} is not for the role {role.value}.")

    return check


async def _asking(request: Request) -> Person:
    return person_of(request)


async def _rater(request: Request) -> str:
    return person_of(request).rater


Asking = Annotated[Person, Depends(_asking)]
Rater = Annotated[str, Depends(_rater)]
"""Name of the rater who asks."""

readers = [Depends(_only(READS, "Reading this"))]
labellers = [Depends(_only(LABELS, "Labelling"))]
admins = [Depends(_only(ADMINS, "This"))]


def only(roles: frozenset[Role]) -> Sequence[params.Depends]:
    """What a route for these roles depends on."""
    return {LABELS: labellers, READS: readers, ADMINS: admins, EVERYBODY: []}[roles]
