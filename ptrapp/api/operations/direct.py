"""Answers well-formed requests of an operation directly; FastAPI answers every other one.

FastAPI parses a body, solves a tree of dependencies and opens three stacks for each request, which
costs more of the CPU than the statements of a vote. It stays in charge of the schema, and of what
is said of a request that is not as it should be.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from ptrapp.api.session import identify
from ptrapp.core.people import Role

_JSON = "application/json"
_THREADS = ThreadPoolExecutor(32, "operation")
"""Of operations alone: a page's events, which wait for a model, hold none of them. They also cost
less to go to and come back from than those that Starlette shares out."""


def direct(
    answer: Callable[..., Response],
    roles: frozenset[Role],
    path: Mapping[str, Any],
    body: type[BaseModel] | None,
    *,
    with_person: bool,
) -> type[APIRoute]:
    """Returns the class of the route of `answer`, which is called in a thread.

    `path` has the types of the path parameters, which with `person` and `body` are all it takes.
    """
    of_path = {name: TypeAdapter[Any](type_) for name, type_ in path.items()}

    async def given(request: Request) -> dict[str, Any] | None:
        """Returns what the request gives `answer`; None where it is not well-formed."""
        try:
            values = {
                name: one.validate_python(request.path_params[name])
                for name, one in of_path.items()
            }
            if body is not None:
                kind = request.headers.get("content-type", "").partition(";")[0]
                if kind.strip().lower() != _JSON:
                    return None
                values["body"] = body.model_validate_json(await request.body())
        except ValidationError:
            return None
        return values

    def answered(request: Request, values: dict[str, Any]) -> Response | None:
        """Answers as the person may be answered; None where the role may not ask."""
        person = identify(request)
        if person.role not in roles:
            return None
        return answer(**values, person=person) if with_person else answer(**values)

    class Direct(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            by_fastapi = super().get_route_handler()

            async def handle(request: Request) -> Response:
                response: Response | None = None
                if (values := await given(request)) is not None:
                    loop = asyncio.get_running_loop()
                    response = await loop.run_in_executor(_THREADS, answered, request, values)
                return response or await by_fastapi(request)

            return handle

    return Direct
