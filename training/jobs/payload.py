"""The payload of a job: parent, settings of its recipe and filters."""

from dataclasses import replace
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from db.models import RaterKind
from ptrapp.recipes.reading import STRICT, MaxExamples


@dataclass(frozen=True, slots=True, config=STRICT)
class Filters:
    """Which of the stored rows a job may learn from."""

    runs: tuple[int, ...] | None = None
    """Ids of the runs whose rounds may be used; null means all."""
    rater_kinds: tuple[RaterKind, ...] | None = None
    """Whose votes count, people's or judges'; null means both."""
    max_examples: MaxExamples = None
    """Most examples used; the newest votes are kept. Recipes have it as a setting."""


def at_most(filters: Filters, max_examples: int | None) -> Filters:
    """Returns the filters with a recipe's bound on examples; None leaves theirs."""
    return filters if max_examples is None else replace(filters, max_examples=max_examples)


@dataclass(frozen=True, slots=True, config=STRICT)
class Payload:
    """The payload of a training job."""

    parent_adapter_id: int | None = None
    """The version to continue from, which is also the reference; null is the base model."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The recipe's own settings; a missing one takes the recipe's default."""
    filters: Filters = Field(default_factory=Filters)
    base_model: str = ""
    """The base model to train on or to ask, as `--model` names it; empty is the worker's own."""
    started_by: str = ""
    """Who queued it, in words; empty is unknown."""
    started_by_id: str = ""
    """The identity of that person, whatever the name is by then; empty is nobody's share."""
