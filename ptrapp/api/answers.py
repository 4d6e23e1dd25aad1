"""The types of answers, which the OpenAPI schema describes to scripts."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ptrapp.services.labelling.answering import Lesson, Revealed
from ptrapp.services.labelling.pairs import LabelPair


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: one sentence that says what failed and what to do."""

    error: str
    columns: tuple[str, ...] = ()
    """Columns of an imported file that could each be the answer; one of them is `answer_column`."""


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "It cannot be done with what was sent."},
    401: {"model": Refusal, "description": "The token is not one of ours, or too old."},
    403: {"model": Refusal, "description": "The caller's role does not allow it, or not yet."},
    404: {"model": Refusal, "description": "There is nothing of this id or key for the caller."},
    409: {"model": Refusal, "description": "It contradicts what is stored."},
    413: {"model": Refusal, "description": "The request is too large."},
    422: {"model": Refusal, "description": "The request has not the form it should have."},
    429: {"model": Refusal, "description": "The caller's share is in use; try again later."},
    503: {"model": Refusal, "description": "The model or the database does not answer now."},
    507: {"model": Refusal, "description": "The disk is full; nothing of it was stored."},
}
"""The refusals of every route, by status."""


@dataclass(frozen=True, slots=True)
class Me:
    """The caller."""

    name: str
    role: str
    uid: str
    """Who it is, whatever the name is."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation or token, whose text is shown this once."""

    id: int
    token: str
    link: str = ""
    """Where a browser follows an invitation; empty for a program's token."""


@dataclass(frozen=True, slots=True)
class Voted:
    """A vote that is stored for good."""

    stored: bool
    counted: bool
    """False where the comparison had all its labels already."""
    done: int
    """Answers of this rater in the campaign."""
    practice: Lesson | None
    note: str
    """Why nothing is learnt from it, as where both texts are the same words; else empty."""


@dataclass(frozen=True, slots=True)
class Undone:
    pair: LabelPair | None
    """The pair as it was shown; null where there is no vote or skip left to take back."""


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
    """What was hidden before the vote, of the left and of the right side."""

    left: Revealed
    right: Revealed


@dataclass(frozen=True, slots=True)
class Changes:
    pieces: list[tuple[str, str]]
    """Text, and `same`, `added` or `removed`."""


class CampaignBrief(BaseModel):
    """A campaign; the fields below `deadline` are for roles that may read everything."""

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
    n_left_for_me: int
    deadline: str | None = None
    overlap: int | None = None
    budget: int | None = None
    mix: dict[str, float] | None = None
    n_items: int | None = None
    n_slots: int | None = None
    n_taken: int | None = None
    n_done: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignCreated:
    campaign_id: int


@dataclass(frozen=True, slots=True)
class PairsFound:
    n_pairs: int


@dataclass(frozen=True, slots=True)
class ItemsAdded:
    n_new: int
    n_left_out: int
    """Pairs of the same words, which no campaign is given."""
    note: str
    """Why some were left out; empty where none was."""


@dataclass(frozen=True, slots=True)
class KnownItem:
    """A comparison with a known answer, with its own left and right."""

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
