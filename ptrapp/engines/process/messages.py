"""Defines what goes over the connection between the app and the process that has the model.

The app sends its `Settings` first and gets `ModelOpened` or `Raised`. Then it sends any number of
`EngineCall` and `Cancel`, and gets `Reply`, several for a call of `stream`, the last of them with
`Returned` or `Raised`. `EngineEnding` belongs to no call. All of it is pickled: both ends are one
program, and nobody else has the connection.
"""

from dataclasses import dataclass
from typing import Any

from ptrapp.core.errors import EngineError
from ptrapp.core.thoughts import ThoughtFormat
from ptrapp.engines.base import Event


@dataclass(frozen=True, slots=True)
class ModelOpened:
    """The model is loaded; what the engine says of itself."""

    model_id: str
    context_length: int
    thought_format: ThoughtFormat
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EngineCall:
    """Asks for a method of the engine. The number comes back with the replies."""

    number: int
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for the rest of this call any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Returned:
    """A call ended well."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """A call, or the loading of the model, ended with an error."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Reply:
    """Belongs to a call: one event of its stream, or its end."""

    number: int
    content: Event | Returned | Raised


@dataclass(frozen=True, slots=True)
class EngineEnding:
    """The engine answers nobody any more, and its process ends; why, in words."""

    reason: str
