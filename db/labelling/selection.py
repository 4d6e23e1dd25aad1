"""Selects the comparison of a campaign that a rater is assigned next.

The campaign's mix decides at random between the most uncertain, any, one that others have begun,
gold, or a repeat of the rater's own. Where the kind drawn has none left, any open one is taken.

Statements are built once: building one takes longer than executing it.
"""

import random
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.labelling import rater_progress
from db.labelling.hidden_items import is_offered
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
from db.models.base import fixed

REPEAT_AFTER = 10
"""Labels of a rater between a comparison and its repeat, so that it is not simply remembered."""
_WINDOW = 64
"""Open comparisons searched from a random point on, before all of them are searched."""

_ABOVE_ALL = 2.0
"""Above every uncertainty: where a rater who has not begun starts."""

_CAMPAIGN_ID: BindParameter[int] = bindparam("campaign")
_RATER_ID: BindParameter[int] = bindparam("rater")
_Items = Select[int, int, ItemKind, float]
_IN_CAMPAIGN = CampaignItem.campaign_id == _CAMPAIGN_ID
_GOLD = CampaignItem.kind == fixed(ItemKind.GOLD)
_PLAIN = CampaignItem.kind == fixed(ItemKind.PLAIN)
_OPEN = CampaignItem.n_taken < CampaignItem.overlap
_RESERVED = Assignment.state == fixed(AssignmentState.RESERVED)
_repeated = aliased(Assignment)


class Picked(NamedTuple):
    """A comparison selected for a rater and not assigned yet."""

    item_id: int
    comparison_id: int
    kind: ItemKind
    uncertainty: float
    purpose: Purpose = Purpose.LABEL
    flipped: bool | None = None
    """Whether its sides must be swapped on the screen; None leaves it to chance."""


def _unassigned(*wanted: ColumnElement[bool], purpose: Purpose = Purpose.LABEL) -> _Items:
    """Returns a query of items not assigned to the rater, nor voted on elsewhere by the rater."""
    assigned = exists().where(
        Assignment.rater_id == _RATER_ID,
        Assignment.item_id == CampaignItem.id,
        Assignment.purpose == fixed(purpose),
        Assignment.state != fixed(AssignmentState.EXPIRED),
    )
    voted = exists().where(
        Vote.rater_id == _RATER_ID,
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == fixed(purpose),
        Vote.supersedes_id.is_(None),
    )
    return (
        select(
            CampaignItem.id,
            CampaignItem.comparison_id,
            CampaignItem.kind,
            CampaignItem.uncertainty,
        )
        .where(*wanted, ~assigned, ~voted, is_offered())
        .with_for_update(of=CampaignItem, skip_locked=True, key_share=True)
        .limit(1)
    )


def _near(side: ColumnElement[bool], sign: int, *, begun: bool) -> _Items:
    """Returns a query of an unassigned item among the first open ones beyond a random point.

    These few are ordered by a sum, which no index has: ordered by the column itself, SQLite would
    walk the whole index up to them.
    """
    wanted = [_IN_CAMPAIGN, _PLAIN, _OPEN, side]
    if begun:
        wanted.append(CampaignItem.n_taken > 0)
    order = CampaignItem.draw if sign > 0 else CampaignItem.draw.desc()
    few = select(CampaignItem.id).where(*wanted).order_by(order).limit(_WINDOW)
    return _unassigned(CampaignItem.id.in_(few), _OPEN).order_by(sign * CampaignItem.draw + 0.0)


_POINT: BindParameter[float] = bindparam("point")
_SIDES = (
    (CampaignItem.draw >= _POINT, +1),
    (CampaignItem.draw < _POINT, -1),
)
_ANY_NEAR = tuple(_near(*side, begun=False) for side in _SIDES)
_BEGUN_NEAR = tuple(_near(*side, begun=True) for side in _SIDES)
_ANY = _unassigned(_IN_CAMPAIGN, _PLAIN, _OPEN).order_by(CampaignItem.draw)
_NEXT_GOLD = _unassigned(_IN_CAMPAIGN, _GOLD).order_by(CampaignItem.draw)
_NEXT_FOR_JUDGE = _unassigned(_IN_CAMPAIGN, _PLAIN).order_by(CampaignItem.id)
_NEXT_PRACTICE = _unassigned(
    _IN_CAMPAIGN, CampaignItem.kind == fixed(ItemKind.PRACTICE), purpose=Purpose.PRACTICE
).order_by(CampaignItem.id)
_MOST_UNCERTAIN = _unassigned(
    _IN_CAMPAIGN, _PLAIN, _OPEN, CampaignItem.uncertainty < bindparam("least_uncertain")
).order_by(CampaignItem.uncertainty.desc())
_PRACTICE_RESERVED = select(func.count(Assignment.id)).where(
    Assignment.campaign_id == _CAMPAIGN_ID,
    Assignment.rater_id == _RATER_ID,
    Assignment.purpose == fixed(Purpose.PRACTICE),
    _RESERVED,
)
_DONE = (
    Assignment.campaign_id == _CAMPAIGN_ID,
    Assignment.rater_id == _RATER_ID,
    Assignment.state == fixed(AssignmentState.DONE),
    Assignment.purpose == fixed(Purpose.LABEL),
)
_OLD_ENOUGH = (
    select(Assignment.id)
    .where(*_DONE)
    .order_by(Assignment.id.desc())
    .offset(REPEAT_AFTER - 1)
    .limit(1)
)
_REPEATED = exists().where(
    _repeated.rater_id == _RATER_ID,
    _repeated.item_id == Assignment.item_id,
    _repeated.purpose == fixed(Purpose.REPEAT),
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
    .where(*_DONE, _PLAIN, Assignment.id < bindparam("before"), ~_REPEATED, is_offered())
    .order_by(Assignment.id)
    .limit(1)
)


def pick(session: Session, rater: RaterProgress, draw: random.Random) -> Picked | None:
    """Selects a rater's next comparison; returns None when there is nothing for now.

    A judge gets every plain comparison once, in order; a person gets practice first, then what
    the campaign's mix says.
    """
    if rater.kind is not RaterKind.HUMAN:
        return _first(session, _NEXT_FOR_JUDGE, rater)
    if rater.n_practice > rater.n_practised and (picked := _practice(session, rater)):
        return picked
    if rater.budget_spent or rater.exhausted_at == rater.n_returned:
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
        rater_progress.set_exhausted(session, rater.campaign_id, rater.rater_id, rater.n_returned)
    return picked


def _kind_of_next(mix: dict[str, Any], draw: random.Random) -> str:
    weights = {kind: float(weight) for kind, weight in mix.items() if weight}
    if not weights:
        return "uniform"
    largest = max(weights.values())  # two that were stored once may have no sum
    return draw.choices(list(weights), [weight / largest for weight in weights.values()])[0]


def _practice(session: Session, rater: RaterProgress) -> Picked | None:
    """Selects the next practice comparison, unless enough are done or reserved already."""
    row = _row(session, _PRACTICE_RESERVED, rater)
    if rater.n_practised + (row[0] if row else 0) >= rater.n_practice:
        return None
    picked = _first(session, _NEXT_PRACTICE, rater)
    return picked and picked._replace(purpose=Purpose.PRACTICE)


def _repeat(session: Session, rater: RaterProgress) -> Picked | None:
    """Selects the rater's oldest label that is old enough and not repeated, its sides swapped."""
    before = _row(session, _OLD_ENOUGH, rater)
    row = before and _row(session, _NEXT_REPEAT, rater, before=before[0])
    if row is None:
        return None
    item_id, comparison_id, kind, uncertainty, flipped = row
    return Picked(item_id, comparison_id, kind, uncertainty, Purpose.REPEAT, flipped=not flipped)


def _uncertain(session: Session, rater: RaterProgress) -> Picked | None:
    """Selects the most uncertain open comparison; each rater goes down their order once."""
    reached = rater.least_uncertain
    least = _ABOVE_ALL if reached is None else reached
    picked = _first(session, _MOST_UNCERTAIN, rater, least_uncertain=least)
    if picked is not None:
        rater_progress.set_least_uncertain(
            session, rater.campaign_id, rater.rater_id, picked.uncertainty
        )
    return picked


def _from_random_point(
    session: Session, rater: RaterProgress, draw: random.Random, sides: tuple[_Items, ...]
) -> Picked | None:
    """Selects an open comparison near a random point of the order.

    The search is bounded: a rater who has answered most of a million costs no more than a new one.
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
