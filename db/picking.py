"""Which comparison of a campaign a rater is given next.

A campaign's mix is drawn from: the most uncertain, any, one that others have begun, gold, or one of
the rater's own again. What is drawn and not there gives way to any open comparison.
"""

import random
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from db import progress
from db.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignRater,
    ItemKind,
    Offer,
    Purpose,
    Rater,
    RaterKind,
    Vote,
)

REPEAT_AFTER = 10
"""Labels of a rater between a comparison and its repeat, so that it is not simply remembered."""
_LOOK_AT = 64
"""Open comparisons looked at from a random point on, before all of them are."""

_GOLD = CampaignItem.kind == ItemKind.GOLD
_PLAIN = CampaignItem.kind == ItemKind.PLAIN
_OPEN = CampaignItem.n_taken < CampaignItem.overlap
_RESERVED = Assignment.state == AssignmentState.RESERVED
_again = aliased(Assignment)


class Picked(NamedTuple):
    """A comparison chosen for a rater, not yet his."""

    item_id: int
    comparison_id: int
    kind: ItemKind
    purpose: Purpose = Purpose.LABEL
    flipped: bool | None = None
    """Which way round it must be shown; None lets chance decide."""


def pick(session: Session, campaign: Campaign, rater: Rater, draw: random.Random) -> Picked | None:
    """Choose for a rater; None when there is nothing for him now.

    A judge is given every plain comparison once, in order; a person first what teaches the
    guidelines, then what the mix says.
    """
    if rater.kind is not RaterKind.HUMAN:
        return _first(session, _not_given(campaign.id, rater.id, _PLAIN).order_by(CampaignItem.id))
    far = progress.of_rater(session, campaign.id, rater.id)
    if campaign.n_practice > far.n_practised and (
        picked := _practice(session, campaign, rater.id, far.n_practised)
    ):
        return picked
    if campaign.budget is not None and campaign.n_taken >= campaign.budget:
        return None
    if far.exhausted_at == campaign.n_returned:
        return None
    match _kind_of_next(campaign.mix, draw):
        case "gold":
            ahead = _not_given(campaign.id, rater.id, _GOLD).order_by(CampaignItem.draw)
            picked = _first(session, ahead)
        case "repeat":
            picked = _repeat(session, campaign.id, rater.id)
        case "uncertain":
            picked = _uncertain(session, campaign.id, rater.id, far)
        case "overlap":
            picked = _from_random_point(session, campaign.id, rater.id, draw, begun=True)
        case _:
            picked = None
    picked = picked or _from_random_point(session, campaign.id, rater.id, draw)
    picked = picked or _first(
        session, _not_given(campaign.id, rater.id, _PLAIN, _OPEN).order_by(CampaignItem.draw)
    )
    if picked is None:
        seen = campaign.n_returned
        progress.remember(session, campaign.id, rater.id, exhausted_at=seen)
    return picked


def _kind_of_next(mix: dict[str, Any], draw: random.Random) -> str:
    weights = {kind: float(weight) for kind, weight in mix.items() if weight}
    if not weights:
        return "uniform"
    return draw.choices(list(weights), list(weights.values()))[0]


def _practice(session: Session, campaign: Campaign, rater_id: int, n_done: int) -> Picked | None:
    """The next practice comparison, unless enough of them are in this rater's hands already."""
    in_hand = select(func.count(Assignment.id)).where(
        Assignment.campaign_id == campaign.id,
        Assignment.rater_id == rater_id,
        Assignment.purpose == Purpose.PRACTICE,
        _RESERVED,
    )
    if n_done + (session.scalar(in_hand) or 0) >= campaign.n_practice:
        return None
    practice = _not_given(
        campaign.id, rater_id, CampaignItem.kind == ItemKind.PRACTICE, purpose=Purpose.PRACTICE
    )
    picked = _first(session, practice.order_by(CampaignItem.id))
    return picked and picked._replace(purpose=Purpose.PRACTICE)


def _repeat(session: Session, campaign_id: int, rater_id: int) -> Picked | None:
    """The oldest comparison this rater labelled a while ago and was not asked again, turned."""
    done = (
        Assignment.campaign_id == campaign_id,
        Assignment.rater_id == rater_id,
        Assignment.state == AssignmentState.DONE,
    )
    repeats = exists().where(
        _again.rater_id == rater_id,
        _again.item_id == Assignment.item_id,
        _again.purpose == Purpose.REPEAT,
    )
    labelled = (
        select(CampaignItem.id, CampaignItem.comparison_id, CampaignItem.kind, Offer.flipped)
        .join(Assignment, Assignment.item_id == CampaignItem.id)
        .join(Offer, Offer.key == Assignment.offer_key)
        .where(*done, Assignment.purpose == Purpose.LABEL, _PLAIN)
    )
    newest = (
        select(Assignment.id)
        .where(*done, Assignment.purpose == Purpose.LABEL)
        .order_by(Assignment.id.desc())
        .offset(REPEAT_AFTER - 1)
        .limit(1)
    )
    before = session.scalar(newest)
    if before is None:
        return None
    row = session.execute(
        labelled.where(Assignment.id < before, ~repeats).order_by(Assignment.id).limit(1)
    ).first()
    if row is None:
        return None
    item_id, comparison_id, kind, flipped = row
    return Picked(item_id, comparison_id, kind, Purpose.REPEAT, flipped=not flipped)


def _uncertain(
    session: Session, campaign_id: int, rater_id: int, far: CampaignRater
) -> Picked | None:
    """The open comparison that the judges are least sure of; each rater goes down the list once."""
    ahead = _not_given(campaign_id, rater_id, _PLAIN, _OPEN)
    if far.least_uncertain is not None:
        ahead = ahead.where(CampaignItem.uncertainty < far.least_uncertain)
    picked = _first(session, ahead.order_by(CampaignItem.uncertainty.desc()))
    if picked is not None:
        reached = session.scalar(
            select(CampaignItem.uncertainty).where(CampaignItem.id == picked.item_id)
        )
        progress.remember(session, campaign_id, rater_id, least_uncertain=reached)
    return picked


def _from_random_point(
    session: Session, campaign_id: int, rater_id: int, draw: random.Random, *, begun: bool = False
) -> Picked | None:
    """An open comparison near a random place of the order.

    Bounded: a rater who has answered most of a million costs no more than a new one.
    """
    wanted = [CampaignItem.campaign_id == campaign_id, _PLAIN, _OPEN]
    if begun:
        wanted.append(CampaignItem.n_taken > 0)
    point = draw.random()
    for side, order in (
        (CampaignItem.draw >= point, CampaignItem.draw),
        (CampaignItem.draw < point, CampaignItem.draw.desc()),
    ):
        near = select(CampaignItem.id).where(*wanted, side).order_by(order).limit(_LOOK_AT)
        picked = _first(
            session,
            _not_given(campaign_id, rater_id, CampaignItem.id.in_(near), _OPEN).order_by(order),
        )
        if picked is not None:
            return picked
    return None


def _not_given(
    campaign_id: int,
    rater_id: int,
    *wanted: ColumnElement[bool],
    purpose: Purpose = Purpose.LABEL,
) -> Select[int, int, ItemKind]:
    """Items the rater was not given yet, and whose comparison he has not voted on elsewhere."""
    given = exists().where(
        Assignment.rater_id == rater_id,
        Assignment.item_id == CampaignItem.id,
        Assignment.purpose == purpose,
        Assignment.state != AssignmentState.EXPIRED,
    )
    voted = exists().where(
        Vote.rater_id == rater_id,
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == purpose,
        Vote.supersedes_id.is_(None),
    )
    return (
        select(CampaignItem.id, CampaignItem.comparison_id, CampaignItem.kind)
        .where(CampaignItem.campaign_id == campaign_id, *wanted, ~given, ~voted)
        .with_for_update(of=CampaignItem, skip_locked=True, key_share=True)
    )


def _first(session: Session, items: Select[int, int, ItemKind]) -> Picked | None:
    row = session.execute(items.limit(1)).first()
    return None if row is None else Picked(row[0], row[1], row[2])
