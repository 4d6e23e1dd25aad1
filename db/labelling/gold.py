"""Turns a comparison of a campaign into a gold one, whose answer is known from then on."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.labelling.campaigns import GOLD_OVERLAP
from db.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    Comparison,
    ItemKind,
    Outcome,
)
from db.storage.errors import Conflict, Missing


def make_gold(
    session: Session,
    campaign_id: int,
    comparison_id: int,
    outcome: Outcome,
    explanation: str | None = None,
) -> CampaignItem:
    """Stores the known answer, in the comparison's own terms, and measures its raters by it.

    Gold takes no label slots, so what the comparison took of the campaign's is given back; votes
    stay. Raises `Missing`, or `Conflict` for a comparison on which new raters practise.
    """
    item = session.scalars(
        select(CampaignItem)
        .where(CampaignItem.campaign_id == campaign_id, CampaignItem.comparison_id == comparison_id)
        .with_for_update(of=CampaignItem)
    ).one_or_none()
    if item is None:
        raise Missing(f"Comparison {comparison_id} is not in this campaign; choose another one.")
    if item.kind is ItemKind.PRACTICE:
        raise Conflict("New raters practise on this comparison; it cannot be gold as well.")
    if item.kind is ItemKind.PLAIN:
        _give_back(session, item)
    item.kind, item.gold_outcome = ItemKind.GOLD, outcome
    item.n_taken, item.overlap = 0, GOLD_OVERLAP
    item.explanation = explanation or item.explanation
    session.flush()
    return item


class KnownAnswer(NamedTuple):
    """What a campaign says of a comparison that is in it."""

    gold: Outcome | None
    """In terms of the lower round as the left one; None for a plain comparison."""
    is_labelled: bool


def known_answers(
    session: Session, campaign_id: int, pairs: Collection[tuple[int, int]]
) -> dict[tuple[int, int], KnownAnswer]:
    """Returns which of these pairs are in a campaign, each by its rounds, the lower id first."""
    ordered = {(min(pair), max(pair)) for pair in pairs}
    rows = session.execute(
        select(
            *(Comparison.left_round_id, Comparison.right_round_id),
            *(CampaignItem.gold_outcome, CampaignItem.n_taken),
        )
        .join(Comparison, Comparison.id == CampaignItem.comparison_id)
        .where(
            CampaignItem.campaign_id == campaign_id,
            Comparison.left_round_id.in_({low for low, _ in ordered}),
        )
    )
    found = {(low, high): KnownAnswer(gold, taken > 0) for low, high, gold, taken in rows.tuples()}
    return {pair: answer for pair, answer in found.items() if pair in ordered}


def _give_back(session: Session, item: CampaignItem) -> None:
    counted = (Assignment.item_id == item.id, Assignment.counts)
    done = select(func.count(Assignment.id)).where(
        *counted, Assignment.state == AssignmentState.DONE
    )
    n_done = session.scalar(done) or 0
    session.execute(update(Assignment).where(*counted).values(counts=False))
    session.execute(
        update(Campaign)
        .where(Campaign.id == item.campaign_id)
        .values(
            n_items=Campaign.n_items - 1,
            n_slots=Campaign.n_slots - item.overlap,
            n_taken=Campaign.n_taken - item.n_taken,
            n_done=Campaign.n_done - n_done,
            n_returned=Campaign.n_returned + 1,
        )
    )
