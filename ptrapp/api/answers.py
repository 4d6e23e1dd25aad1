"""What routes answer, by name: the OpenAPI schema tells a script what comes back."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ptrapp.services.labelling.answering import Lesson, Revealed
from ptrapp.services.labelling.pairs import LabelPair


@dataclass(frozen=True, slots=True)
class Refusal:
    """Every refusal: one sentence that says what failed and what to do."""

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "It cannot be done with what was sent."},
    401: {"model": Refusal, "description": "The token is not one of ours, or too old."},
    403: {"model": Refusal, "description": "The role of who asks does not allow it, or not yet."},
    404: {"model": Refusal, "description": "There is nothing of this id or key for who asks."},
    409: {"model": Refusal, "description": "It contradicts what is stored."},
    413: {"model": Refusal, "description": "The request is too large."},
    422: {"model": Refusal, "description": "The request has not the form it should have."},
    503: {"model": Refusal, "description": "The model or the database does not answer now."},
}
"""What any route may refuse with."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Invited:
    """A way in: the link for a browser, the token for a script."""

    token: str
    link: str


@dataclass(frozen=True, slots=True)
class Voted:
    """A vote that survives anything from now on."""

    stored: bool
    counted: bool
    """False where it came too late and the comparison had all its labels."""
    done: int
    """Answers of this rater in the campaign."""
    practice: Lesson | None


@dataclass(frozen=True, slots=True)
class Undone:
    pair: LabelPair | None
    """The pair as it stood; null where there is no vote left to take back."""


@dataclass(frozen=True, slots=True)
class Skipped:
    skipped: bool = True


@dataclass(frozen=True, slots=True)
class Flagged:
    flagged: bool


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    stored: bool = True


@dataclass(frozen=True, slots=True)
class BothSides:
    """What was hidden, of what stood on the left and on the right."""

    left: Revealed
    right: Revealed


@dataclass(frozen=True, slots=True)
class Changes:
    pieces: list[tuple[str, str]]
    """Text, and `same`, `added` or `removed`."""


class CampaignBrief(BaseModel):
    """A campaign; the counts below `practice_left` are told to who may read everything."""

    id: int
    name: str
    aspect: str
    state: str
    guidelines: str
    guidelines_html: str
    reveal: bool
    n_practice: int
    n_done_by_me: int
    n_skipped_by_me: int
    practice_left: int
    overlap: int | None = None
    budget: int | None = None
    mix: dict[str, float] | None = None
    n_items: int | None = None
    n_slots: int | None = None
    n_taken: int | None = None
    n_done: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignMade:
    campaign_id: int


@dataclass(frozen=True, slots=True)
class PairsFound:
    n_pairs: int


@dataclass(frozen=True, slots=True)
class ItemsAdded:
    n_new: int


@dataclass(frozen=True, slots=True)
class KnownItem:
    """A comparison whose answer is known, in the order its rounds are stored."""

    id: int
    kind: str
    prompt: str
    left: str
    right: str
    gold: str | None
    explanation: str | None


@dataclass(frozen=True, slots=True)
class Rendered:
    html: str


@dataclass(frozen=True, slots=True)
class StateNow:
    state: str


@dataclass(frozen=True, slots=True)
class JobQueued:
    job_id: int
