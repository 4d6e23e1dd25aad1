"""The base of all request bodies, and mistakes in them as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


class Body(BaseModel):
    """Refuses unknown names, and texts with NUL, which PostgreSQL cannot store."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        texts = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(text, str) and "\x00" in text for text in texts):
            raise ValueError("a text with a NUL character cannot be stored; leave it out")
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
