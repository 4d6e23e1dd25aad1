"""The settings of a job in which a judge labels a campaign."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ptrapp.recipes.reading import STRICT


@dataclass(frozen=True, slots=True, config=STRICT)
class JudgeConfig:
    """The settings of a job in which a judge labels a campaign."""

    campaign_id: Annotated[int, Field(ge=1)]
    """The campaign whose comparisons are judged; practice comparisons are left out."""
    judge: str | None = None
    """The judge, named as in --judge; null is the one the app was started with."""
    chunk: Annotated[int, Field(ge=1, le=1000)] = 32
    """Comparisons asked for at once; a server on a GPU takes several hundred. A resumed job repeats
    at most so many."""
