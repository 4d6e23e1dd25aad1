"""Adds the operations under the names that `gradio_client` and MCP call."""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, get_origin

import gradio as gr
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from db.storage.errors import DatabaseError
from ptrapp.api.bodies import in_words
from ptrapp.api.operations.operation import Operation
from ptrapp.api.operations.table import OPERATIONS
from ptrapp.core.errors import ThriceError
from ptrapp.core.public import in_public
from ptrapp.services.context import AppContext
from ptrapp.ui.auth import allowed

_SET_HERE = {"client": "named"}
"""Fields that are set here, not by the caller: `client` says where a vote comes from."""


def build(context: AppContext) -> None:
    """Adds every operation that has a name, inside the blocks of the interface."""
    for operation in OPERATIONS:
        if operation.name:
            gr.api(_named(context, operation), api_name=operation.name, queue=False)


def _named(context: AppContext, operation: Operation) -> Callable[..., Any]:
    """Returns the operation as a function of flat arguments, which raises `gr.Error` alone."""
    arguments = operation.flat()
    here = {name: value for name, value in _SET_HERE.items() if name in arguments.model_fields}
    fields = {name: arguments.model_fields[name] for name in operation.path}
    fields |= {n: field for n, field in arguments.model_fields.items() if n not in here}

    def named(request: gr.Request, *values: Any) -> Any:
        caller = allowed(request, operation.roles)
        try:
            given = {n: value for n, value in zip(fields, values, strict=True) if value is not None}
            return operation.call(context, caller, arguments(**given, **here))
        except ValidationError as error:
            message = f"The call cannot be used: {in_words(error.errors())}."
            raise gr.Error(message, print_exception=False) from error
        except (ThriceError, DatabaseError) as error:
            raise gr.Error(in_public(str(error)), print_exception=False) from error

    _describe(named, operation, fields)
    return named


def _describe(named: Any, operation: Operation, fields: dict[str, FieldInfo]) -> None:
    """Gives a function the parameters, types and docstring that Gradio reads from a signature."""
    request = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    whole = operation.answer
    answer = whole.__annotations__[operation.alone] if operation.alone else whole
    plain = list[Any] if get_origin(answer) is list else int if answer is int else dict[str, Any]
    parameters = [request, *(_parameter(name, field) for name, field in fields.items())]
    signature = Signature(parameters, return_annotation=plain)
    named.__signature__ = signature
    named.__annotations__ = {each.name: each.annotation for each in parameters}
    lines = [f"    {name}: {field.description}" for name, field in fields.items()]
    named.__doc__ = "\n".join([operation.about, "", "Parameters:", *lines])


def _parameter(name: str, field: FieldInfo) -> Parameter:
    default = Parameter.empty if field.is_required() else field.get_default()
    return Parameter(
        name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=field.annotation
    )
