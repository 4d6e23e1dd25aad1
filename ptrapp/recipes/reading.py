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
    "tuple_type": "it has to be a list",
    "float_parsing": "it has to be a number",
    "float_type": "it has to be a number",
    "int_parsing": "it has to be a whole number",
    "int_type": "it has to be a whole number",
    "int_from_float": "it has to be a whole number",
    "greater_than": "it has to be more than {gt}",
    "greater_than_equal": "it has to be {ge} or more",
    "less_than": "it has to be less than {lt}",
    "less_than_equal": "it has to be {le} or less",
    "literal_error": "it has to be {expected}",
    "enum": "it has to be {expected}",
}
"""What Pydantic says in terms of Python, by its kinds of mistakes, for who fills in a form."""

T = TypeVar("T")


def read(kind: type[T], given: Mapping[str, Any], what: str) -> T:
    """Parses JSON to a `kind`. Raises `ConfigurationError` with one line for each mistake."""
    try:
        found = TypeAdapter(kind).validate_python(dict(given))
    except ValidationError as error:
        lines = []
        for mistake in error.errors():
            name = ".".join(str(part) for part in mistake["loc"])
            lines.append(f"{name}: {_said(mistake)} (given: {mistake['input']!r})")
        raise _refused(what, lines) from error
    # to Pydantic `true` is the number 1, as it is to Python
    lines = [
        f"{name}: it has to be a number, not {str(value).lower()}"
        for name, value in given.items()
        if isinstance(value, bool) and not isinstance(getattr(found, name), bool)
    ]
    if lines:
        raise _refused(what, lines)
    return found


def _said(mistake: Mapping[str, Any]) -> str:
    words = _IN_OTHER_WORDS.get(mistake["type"])
    if words is None:
        return str(mistake["msg"])
    bounds = {
        name: int(one) if isinstance(one, float) and one.is_integer() else one
        for name, one in mistake.get("ctx", {}).items()
    }
    return words.format(**bounds)


def _refused(what: str, lines: list[str]) -> ConfigurationError:
    return ConfigurationError(
        "\n".join([f"The {what} of this job cannot be used; correct these:", *lines])
    )
