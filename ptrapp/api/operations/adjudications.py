"""Operations on what raters disagree on: settle it, take that back."""

from pydantic import Field

from ptrapp.api.access import Caller
from ptrapp.api.answers import StateNow
from ptrapp.api.bodies import Body
from ptrapp.api.operations.operation import Id
from ptrapp.core.strength import IN_WORDS, STRENGTHS
from ptrapp.core.types import Choice
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import adjudicating
from ptrapp.services.labelling.answering import MAX_NOTE


class NewRuling(Body):
    """An adjudication, with the comparison's own left and right."""

    key: str = Field(min_length=8, max_length=64)
    """A random key; the same again stores nothing more, anything else under it is refused (409)."""
    outcome: Choice
    """The better side."""
    strength: int = Field(
        1, strict=True, ge=min(STRENGTHS), le=max(STRENGTHS), description=IN_WORDS
    )
    reason: str = Field("", max_length=MAX_NOTE)
    """Why; it explains the answer where the comparison becomes gold."""
    gold: bool = False
    """Whether raters are measured by this answer from then on."""


class TakenBack(Body):
    key: str = Field(min_length=8, max_length=64)
    """A random key; the same key again takes nothing more back."""


def settle(
    context: AppContext, campaign_id: Id, comparison_id: Id, body: NewRuling, person: Caller
) -> StateNow:
    """Settle a comparison: the adjudication is learnt and exported in place of its labels."""
    ruling = adjudicating.Ruling(**body.model_dump(exclude={"key"}))
    adjudicating.settle(context, person, campaign_id, comparison_id, ruling, body.key)
    return StateNow("settled")


def take_back(
    context: AppContext, campaign_id: Id, comparison_id: Id, body: TakenBack, person: Caller
) -> StateNow:
    """Take an adjudication back: the labels count again. What became gold stays gold."""
    adjudicating.take_back(context, person, campaign_id, comparison_id, body.key)
    return StateNow("open")
