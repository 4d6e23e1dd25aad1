"""How the settings of a job are parsed: strictly, with one line for each mistake."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from ptrapp.core.errors import ConfigurationError

STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True)
"""How every part of a payload is parsed: an unknown key is an error."""

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00]*$")
]
"""Text that a model is sent: it says something, and can be stored."""
MaxExamples = Annotated[int, Field(ge=1, le=10_000_000)] | None
"""A bound on what a training learns from; None takes all there is."""

_IN_OTHER_WORDS = {
    "unexpected_keyword_argument": "there is no such setting",
    "tuple_type": "Input should be a list",
}
"""What Pydantic says in terms of Python, by its kinds of mistakes, for who writes JSON."""

T = TypeVar("T")


def read(kind: type[T], given: Mapping[str, Any], what: str) -> T:
    """Parses JSON to a `kind`. Raises `ConfigurationError` with one line for each mistake."""
    try:
        found = TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        lines = []
        for mistake in error.errors():
            name = ".".join(str(part) for part in mistake["loc"])
            said = _IN_OTHER_WORDS.get(mistake["type"], mistake["msg"])
            lines.append(f"{name}: {said} (given: {mistake['input']!r})")
        raise _refused(what, lines) from error
    # to Pydantic `true` is the number 1, as it is to Python
    lines = [
        f"{name}: Input should be a number, not {str(value).lower()}"
        for name, value in given.items()
        if isinstance(value, bool) and not isinstance(getattr(found, name), bool)
    ]
    if lines:
        raise _refused(what, lines)
    return found


def _refused(what: str, lines: list[str]) -> ConfigurationError:
    return ConfigurationError(
        "\n".join([f"The {what} of this job cannot be used; correct these:", *lines])
    )
