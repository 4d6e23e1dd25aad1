"""Which comparison of a campaign a rater is given next.

A campaign's mix is drawn from: the most uncertain, any, one that others have begun, gold, or one of
the rater's own again. What is drawn and not there gives way to any open comparison.

The statements are built once: to build one takes longer than to carry it out.
"""

import random
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.labelling import rater_progress
from db.labelling.rater_progress import RaterProgress
from db.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    ItemKind,
    Offer,
    Purpose,
    RaterKind,
    Vote,
)

REPEAT_AFTER = 10
"""Labels of a rater between a comparison and its repeat, so that it is not simply remembered."""
_LOOK_AT = 64
"""Open comparisons looked at from a random point on, before all of them are."""

_ABOVE_ALL = 2.0
"""More than any uncertainty: nothing was looked at yet."""

_CAMPAIGN_ID: BindParameter[int] = bindparam("campaign")
_RATER_ID: BindParameter[int] = bindparam("rater")
_Items = Select[int, int, ItemKind, float]
_HERE = CampaignItem.campaign_id == _CAMPAIGN_ID
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
    uncertainty: float
    purpose: Purpose = Purpose.LABEL
    flipped: bool | None = None
    """Which way round it must be shown; None lets chance decide."""


def _not_given(*wanted: ColumnElement[bool], purpose: Purpose = Purpose.LABEL) -> _Items:
    """Items the rater was not given yet, and whose comparison he has not voted on elsewhere."""
    given = exists().where(
        Assignment.rater_id == _RATER_ID,
        Assignment.item_id == CampaignItem.id,
        Assignment.purpose == purpose,
        Assignment.state != AssignmentState.EXPIRED,
    )
    voted = exists().where(
        Vote.rater_id == _RATER_ID,
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == purpose,
        Vote.supersedes_id.is_(None),
    )
    return (
        select(
            CampaignItem.id,
            CampaignItem.comparison_id,
            CampaignItem.kind,
            CampaignItem.uncertainty,
        )
        .where(*wanted, ~given, ~voted)
        .with_for_update(of=CampaignItem, skip_locked=True, key_share=True)
        .limit(1)
    )


def _near(side: ColumnElement[bool], sign: int, *, begun: bool) -> _Items:
    """Of the first open ones beyond a point of the order, one the rater was not given.

    The few are put in order by a sum, which no index has: by the column itself SQLite would walk
    the whole order up to them.
    """
    wanted = [_HERE, _PLAIN, _OPEN, side]
    if begun:
        wanted.append(CampaignItem.n_taken > 0)
    order = CampaignItem.draw if sign > 0 else CampaignItem.draw.desc()
    few = select(CampaignItem.id).where(*wanted).order_by(order).limit(_LOOK_AT)
    return _not_given(CampaignItem.id.in_(few), _OPEN).order_by(sign * CampaignItem.draw + 0.0)


_POINT: BindParameter[float] = bindparam("point")
_SIDES = (
    (CampaignItem.draw >= _POINT, +1),
    (CampaignItem.draw < _POINT, -1),
)
_ANY_NEAR = tuple(_near(*side, begun=False) for side in _SIDES)
_BEGUN_NEAR = tuple(_near(*side, begun=True) for side in _SIDES)
_ANY = _not_given(_HERE, _PLAIN, _OPEN).order_by(CampaignItem.draw)
_NEXT_GOLD = _not_given(_HERE, _GOLD).order_by(CampaignItem.draw)
_NEXT_OF_A_JUDGE = _not_given(_HERE, _PLAIN).order_by(CampaignItem.id)
_NEXT_PRACTICE = _not_given(
    _HERE, CampaignItem.kind == ItemKind.PRACTICE, purpose=Purpose.PRACTICE
).order_by(CampaignItem.id)
_MOST_UNCERTAIN = _not_given(
    _HERE, _PLAIN, _OPEN, CampaignItem.uncertainty < bindparam("least_uncertain")
).order_by(CampaignItem.uncertainty.desc())
_PRACTICE_IN_HAND = select(func.count(Assignment.id)).where(
    Assignment.campaign_id == _CAMPAIGN_ID,
    Assignment.rater_id == _RATER_ID,
    Assignment.purpose == Purpose.PRACTICE,
    _RESERVED,
)
_DONE = (
    Assignment.campaign_id == _CAMPAIGN_ID,
    Assignment.rater_id == _RATER_ID,
    Assignment.state == AssignmentState.DONE,
    Assignment.purpose == Purpose.LABEL,
)
_SOME_TIME_AGO = (
    select(Assignment.id)
    .where(*_DONE)
    .order_by(Assignment.id.desc())
    .offset(REPEAT_AFTER - 1)
    .limit(1)
)
_REPEATED = exists().where(
    _again.rater_id == _RATER_ID,
    _again.item_id == Assignment.item_id,
    _again.purpose == Purpose.REPEAT,
)
_NEXT_REPEAT = (
    select(
        CampaignItem.id,
        CampaignItem.comparison_id,
        CampaignItem.kind,
        CampaignItem.uncertainty,
        Offer.flipped,
    )
    .join(Assignment, Assignment.item_id == CampaignItem.id)
    .join(Offer, Offer.key == Assignment.offer_key)
    .where(*_DONE, _PLAIN, Assignment.id < bindparam("before"), ~_REPEATED)
    .order_by(Assignment.id)
    .limit(1)
)


def pick(session: Session, rater: RaterProgress, draw: random.Random) -> Picked | None:
    """Choose for a rater; None when there is nothing for him now.

    A judge is given every plain comparison once, in order; a person first what teaches the
    guidelines, then what the mix says.
    """
    if rater.kind is not RaterKind.HUMAN:
        return _first(session, _NEXT_OF_A_JUDGE, rater)
    if rater.n_practice > rater.n_practised and (picked := _practice(session, rater)):
        return picked
    if rater.used_up or rater.exhausted_at == rater.n_returned:
        return None
    match _kind_of_next(rater.mix, draw):
        case "gold":
            picked = _first(session, _NEXT_GOLD, rater)
        case "repeat":
            picked = _repeat(session, rater)
        case "uncertain":
            picked = _uncertain(session, rater)
        case "overlap":
            picked = _from_random_point(session, rater, draw, _BEGUN_NEAR)
        case _:
            picked = None
    picked = picked or _from_random_point(session, rater, draw, _ANY_NEAR)
    picked = picked or _first(session, _ANY, rater)
    if picked is None:
        rater_progress.found_nothing(session, rater.campaign_id, rater.rater_id, rater.n_returned)
    return picked


def _kind_of_next(mix: dict[str, Any], draw: random.Random) -> str:
    weights = {kind: float(weight) for kind, weight in mix.items() if weight}
    if not weights:
        return "uniform"
    return draw.choices(list(weights), list(weights.values()))[0]


def _practice(session: Session, rater: RaterProgress) -> Picked | None:
    """The next practice comparison, unless enough of them are in this rater's hands already."""
    row = _row(session, _PRACTICE_IN_HAND, rater)
    if rater.n_practised + (row[0] if row else 0) >= rater.n_practice:
        return None
    picked = _first(session, _NEXT_PRACTICE, rater)
    return picked and picked._replace(purpose=Purpose.PRACTICE)


def _repeat(session: Session, rater: RaterProgress) -> Picked | None:
    """The oldest comparison this rater labelled a while ago and was not asked again, turned."""
    before = _row(session, _SOME_TIME_AGO, rater)
    row = before and _row(session, _NEXT_REPEAT, rater, before=before[0])
    if row is None:
        return None
    item_id, comparison_id, kind, uncertainty, flipped = row
    return Picked(item_id, comparison_id, kind, uncertainty, Purpose.REPEAT, flipped=not flipped)


def _uncertain(session: Session, rater: RaterProgress) -> Picked | None:
    """The open comparison that the judges are least sure of; each rater goes down the list once."""
    reached = rater.least_uncertain
    least = _ABOVE_ALL if reached is None else reached
    picked = _first(session, _MOST_UNCERTAIN, rater, least_uncertain=least)
    if picked is not None:
        rater_progress.looked_down_to(
            session, rater.campaign_id, rater.rater_id, picked.uncertainty
        )
    return picked


def _from_random_point(
    session: Session, rater: RaterProgress, draw: random.Random, sides: tuple[_Items, ...]
) -> Picked | None:
    """An open comparison near a random place of the order.

    Bounded: a rater who has answered most of a million costs no more than a new one.
    """
    point = draw.random()
    for side in sides:
        if picked := _first(session, side, rater, point=point):
            return picked
    return None


def _first(session: Session, items: _Items, rater: RaterProgress, **more: Any) -> Picked | None:
    row = _row(session, items, rater, **more)
    return None if row is None else Picked(row[0], row[1], row[2], row[3])


def _row(session: Session, statement: Any, rater: RaterProgress, **more: Any) -> Any:
    named = {"campaign": rater.campaign_id, "rater": rater.rater_id}
    return session.connection().execute(statement, named | more).first()
