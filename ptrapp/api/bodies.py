"""The base of all request bodies, and mistakes in them as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from ptrapp.api.texts import holds_none


class Body(BaseModel):
    """Refuses unknown names, and texts that cannot be stored."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        if not holds_none(value):
            raise ValueError("a text with NUL or half a surrogate pair cannot be stored")
        return value


def in_words(mistakes: Iterable[Mapping[str, Any]], *, skip: int = 0) -> str:
    """Returns pydantic's mistakes as text, each after its field's name.

    The first `skip` parts of a mistake's location are no names of fields.
    """
    texts = []
    for mistake in mistakes:
        field = ".".join(part for part in mistake["loc"][skip:] if isinstance(part, str))
        texts.append(f"{field}: {mistake['msg']}" if field else mistake["msg"])
    return "; ".join(texts)
