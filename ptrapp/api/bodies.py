"""The base of all request bodies, and mistakes in them as text."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from ptrapp.api.texts import holds_none


class Body(BaseModel):
    """Refuses unknown names, and texts, numbers and times that cannot be stored."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        if not holds_none(value):
            raise ValueError("a text with NUL or half a surrogate pair cannot be stored")
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, datetime) and not _is_in_utc(each):
                raise ValueError("a time before the year 1 or after 9999 in UTC cannot be stored")
        return value


def _is_in_utc(time: datetime) -> bool:
    """Returns whether a time can be told in UTC; one without a zone is."""
    try:
        time.tzinfo and time.astimezone(UTC)
    except OverflowError:
        return False
    return True


_OF_FIELDS = {
    "extra_forbidden": "there is no such field here",
    "missing": "it is missing",
    "json_invalid": "the body is no JSON",
}
"""Pydantic's types of mistakes whose own words are for programmers."""
_OBJECT = "a JSON object is expected, with Content-Type: application/json"
_OF_BODIES = {"missing": _OBJECT, "model_attributes_type": _OBJECT, "dict_type": _OBJECT}
"""The same of a body as a whole."""


def in_words(mistakes: Iterable[Mapping[str, Any]], *, skip: int = 0) -> str:
    """Returns pydantic's mistakes as text, each after its field's name.

    The first `skip` parts of a mistake's location are no names of fields.
    """
    texts = []
    for mistake in mistakes:
        field = ".".join(part for part in mistake["loc"][skip:] if isinstance(part, str))
        words = _OF_FIELDS.get(mistake["type"], mistake["msg"])
        texts.append(f"{field}: {words}" if field else _OF_BODIES.get(mistake["type"], words))
    return "; ".join(texts)
