"""Reads a comparison as one rater sees it: the compared texts, and nothing else.

Thoughts are read from their rows only where thoughts are compared; versions, scores and other
raters' votes are not read at all, so they cannot leak.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, case, select
from sqlalchemy.orm import Session, aliased

from db.labelling.comparisons import compared
from db.models import Aspect, Assignment, Comparison, Offer, Prompt, Purpose, Round


class ShownPair(NamedTuple):
    """A comparison with left and right as on the screen."""

    key: str
    rater_id: int
    campaign_id: int
    purpose: Purpose
    aspect: Aspect
    system: str | None
    context: list[dict[str, str]]
    prompt: str
    left: str
    right: str
    left_cut: bool
    """Whether the response was ended by the limit of its tokens."""
    right_cut: bool


def read_pairs(session: Session, keys: Collection[str]) -> dict[str, ShownPair]:
    """Returns the pairs under those of these keys that belong to a campaign."""
    rows = session.connection().execute(_PAIRS, {"keys": list(keys)})
    return {row.key: ShownPair(*row) for row in rows}


def _pairs() -> Select[Any]:
    left, right = aliased(Round), aliased(Round)
    texts = [compared(side) for side in (left, right)]
    is_response = Comparison.aspect == Aspect.RESPONSE
    cut = [and_(is_response, side.finish_reason == "length") for side in (left, right)]
    return (
        select(
            Offer.key,
            Offer.rater_id,
            Assignment.campaign_id,
            Offer.purpose,
            Comparison.aspect,
            Prompt.system,
            Prompt.context,
            Prompt.text,
            case((Offer.flipped, texts[1]), else_=texts[0]),
            case((Offer.flipped, texts[0]), else_=texts[1]),
            case((Offer.flipped, cut[1]), else_=cut[0]),
            case((Offer.flipped, cut[0]), else_=cut[1]),
        )
        .join(Assignment, Assignment.offer_key == Offer.key)
        .join(Comparison, Comparison.id == Offer.comparison_id)
        .join(left, left.id == Comparison.left_round_id)
        .join(right, right.id == Comparison.right_round_id)
        .join(Prompt, Prompt.id == Comparison.prompt_id)
        .where(Offer.key.in_(bindparam("keys", expanding=True)))
    )


_PAIRS = _pairs()
"""Built once: building it takes several times as long as executing it."""
