"""What all bodies share: no unknown name, no text that cannot be kept, mistakes in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


class Body(BaseModel):
    """Refuses names it does not know, and the one character a database may not hold."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @field_validator("*")
    @classmethod
    def _can_be_kept(cls, value: Any) -> Any:
        texts = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(text, str) and "\x00" in text for text in texts):
            raise ValueError("a text with a NUL character cannot be stored; leave it out")
        return value


def in_words(mistakes: Iterable[Mapping[str, Any]], *, skip: int = 0) -> str:
    """What pydantic found wrong, each behind its place; `skip` parts of a place are not a name."""
    said = []
    for mistake in mistakes:
        place = ".".join(part for part in mistake["loc"][skip:] if isinstance(part, str))
        said.append(f"{place}: {mistake['msg']}" if place else mistake["msg"])
    return "; ".join(said)
