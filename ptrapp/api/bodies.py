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


def in_words(mistakes: Iterable[Mapping[str, Any]], *, skip: int = 0) -> str:
    """Returns pydantic's mistakes as text, each after its field's name.

    The first `skip` parts of a mistake's location are no names of fields.
    """
    texts = []
    for mistake in mistakes:
        field = ".".join(part for part in mistake["loc"][skip:] if isinstance(part, str))
        texts.append(f"{field}: {mistake['msg']}" if field else mistake["msg"])
    return "; ".join(texts)
