"""Defines an operation: a function, the roles that may call it, its route, and its name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, wraps
from inspect import getdoc, signature
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.routing import APIRoute
from pydantic import Field, TypeAdapter, create_model

from ptrapp.api.access import only
from ptrapp.api.bodies import Body
from ptrapp.api.operations.direct import direct
from ptrapp.core.people import Person, Role
from ptrapp.services.context import AppContext

Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Id of a row; PostgreSQL stores no larger one."""
Key = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
"""Key of an offer, by which a page names its comparison."""


@dataclass(frozen=True)
class Operation:
    """An operation that callers request by its route, by its name, or by both."""

    run: Callable[..., Any]
    """Takes the context, the path parameters, and where needed the caller as `person` and a `body`.
    Callers read its docstring."""
    roles: frozenset[Role]
    route: str = ""
    """Method and path, as `POST /labels/{key}/vote`."""
    name: str = ""
    """Name for `gradio_client` and MCP."""
    status: int = 200
    """HTTP status of success."""
    alone: str = ""
    """The field of the answer that a caller by name gets instead of the whole answer."""

    @property
    def about(self) -> str:
        return getdoc(self.run) or ""

    @property
    def answer(self) -> Any:
        """Type of the answer."""
        return signature(self.run).return_annotation

    @property
    def is_file(self) -> bool:
        """Whether the answer is sent as it is, and is no JSON."""
        return isinstance(self.answer, type) and issubclass(self.answer, Response)

    @property
    def path(self) -> dict[str, Any]:
        """Path parameters and their types."""
        declared = signature(self.run).parameters.values()
        of_app = ("context", "person", "body")
        return {each.name: each.annotation for each in declared if each.name not in of_app}

    def flat(self) -> type[Body]:
        """Returns a body with the path parameters beside its fields, for callers by name."""
        body = signature(self.run).parameters.get("body")
        fields: dict[str, Any] = {name: (type_, ...) for name, type_ in self.path.items()}
        return create_model(self.name, __base__=body.annotation if body else Body, **fields)

    def call(self, context: AppContext, person: Person, given: Body) -> Any:
        """Runs the operation with `flat` arguments. Returns its answer as plain values."""
        declared = signature(self.run).parameters
        here: dict[str, Any] = {"person": person, "body": given}
        values = {name: value for name, value in here.items() if name in declared}
        values |= {name: getattr(given, name) for name in self.path}
        answer = self.run(context, **values)
        plain = self._adapter.dump_python(answer, mode="json", exclude_unset=True)
        return plain[self.alone] if self.alone else plain

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.answer)

    def over(self, context: AppContext) -> Callable[..., Response]:
        """Returns the function of the route: it answers in JSON, in the thread that it ran in.

        FastAPI would check the answer against its type first, in one more thread, which costs as
        much as a statement of the database.
        """

        is_file = self.is_file  # asked once: a signature is read as long as two statements

        @wraps(self.run)
        def run(**given: Any) -> Response:
            answer = self.run(context, **given)
            if is_file:
                sent: Response = answer
                return sent
            content = self._adapter.dump_json(answer, exclude_unset=True)
            return Response(content, self.status, media_type="application/json")

        declared = signature(self.run)
        of_route = list(declared.parameters.values())[1:]  # the first is the context
        run.__signature__ = declared.replace(parameters=of_route)  # type: ignore[attr-defined]
        return run

    def route_class(self, answer: Callable[..., Response]) -> type[APIRoute]:
        """Returns the class of the route that `over` answers."""
        declared = signature(self.run).parameters
        in_path = {name for name in self.path if f"{{{name}}}" in self.route}
        if self.is_file or in_path != self.path.keys():  # FastAPI reads what comes in the query
            return APIRoute
        body = declared["body"].annotation if "body" in declared else None
        return direct(answer, self.roles, self.path, body, with_person="person" in declared)


def add_operations(
    router: APIRouter, context: AppContext, operations: Iterable[Operation], *tags: str
) -> None:
    """Adds the routes of operations; `tags` are their headings in the OpenAPI schema."""
    for one in operations:
        method, _, path = one.route.partition(" ")
        if path:
            answer = one.over(context)
            router.add_api_route(
                path,
                answer,
                methods=[method],
                name=one.run.__name__,
                description=one.about,
                dependencies=only(one.roles),
                tags=[*tags],
                status_code=one.status,
                response_model=None if one.is_file else one.answer,
                response_model_exclude_unset=True,
                route_class_override=one.route_class(answer),
            )
