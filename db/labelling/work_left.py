"""Counts what a campaign still wants that its raters can give, and what is left for one of them."""

from typing import NamedTuple

from sqlalchemy import Exists, bindparam, case, exists, func, literal, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import SQLCoreOperations

from db.labelling.hidden_items import is_offered
from db.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    CampaignRater,
    ItemKind,
    Purpose,
    Vote,
)
from db.models.base import fixed

LOOKED_THROUGH = 5_000
"""Pairs of a campaign up to which each is looked at for who may still label it: a page of 50,000
would wait for that for two seconds."""
_OVER = (AssignmentState.DONE, AssignmentState.SKIPPED, AssignmentState.LATE)
"""A pair in one of these states is not given to its rater again."""


def givable(session: Session, campaign_id: int, n_people: int) -> int:
    """Returns how many of the labels that a campaign still wants its own people can give.

    Each gives one of a pair once. All pairs are looked through.
    """
    is_over = Assignment.counts & Assignment.state.in_(_OVER)
    wanted = CampaignItem.overlap - func.sum(
        case((is_over & (Assignment.state == AssignmentState.DONE), 1), else_=0)
    )
    voted = _voted_elsewhere(CampaignRater.rater_id)
    n_voted = (
        select(func.count())
        .select_from(CampaignRater)
        .where(CampaignRater.campaign_id == CampaignItem.campaign_id, voted)
        .correlate(CampaignItem)
        .scalar_subquery()
    )
    others = n_people - func.sum(case((is_over, 1), else_=0)) - n_voted
    of_items = (
        select(wanted.label("wanted"), others.label("others"))
        .outerjoin(Assignment, Assignment.item_id == CampaignItem.id)
        .where(
            CampaignItem.campaign_id == campaign_id,
            CampaignItem.kind == ItemKind.PLAIN,
            is_offered(),
        )
        .group_by(CampaignItem.id, CampaignItem.overlap)
        .subquery()
    )
    fewer = case(
        (of_items.c.wanted < of_items.c.others, of_items.c.wanted), else_=of_items.c.others
    )
    can = select(func.coalesce(func.sum(case((fewer > 0, fewer), else_=0)), 0))
    return session.scalar(can) or 0


def not_given(session: Session, campaign_id: int, rater_id: int | None) -> int:
    """Returns how many open pairs a rater, or who is none yet, can be given and has not been.

    All open pairs are looked through.
    """
    pairs = select(func.count(CampaignItem.id)).where(
        CampaignItem.campaign_id == campaign_id,
        CampaignItem.kind == fixed(ItemKind.PLAIN),
        CampaignItem.n_taken < CampaignItem.overlap,
        is_offered(),
    )
    if rater_id is not None:
        rater = literal(rater_id)
        pairs = pairs.where(~_given(rater), ~_voted_elsewhere(rater))
    return session.scalar(pairs) or 0


def labelled_elsewhere(session: Session, campaign_id: int) -> int:
    """Returns how many pairs that a campaign still wants labels of have some that it did not ask
    for: from Play, another campaign or a file."""
    asked_here = exists().where(
        Assignment.offer_key == Vote.offer_key, Assignment.campaign_id == campaign_id
    )
    elsewhere = exists().where(
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == Purpose.LABEL,
        Vote.is_current(),
        ~asked_here,
    )
    pairs = select(func.count(CampaignItem.id)).where(
        CampaignItem.campaign_id == campaign_id,
        CampaignItem.kind == ItemKind.PLAIN,
        CampaignItem.n_taken < CampaignItem.overlap,
        is_offered(),
        elsewhere,
    )
    return session.scalar(pairs) or 0


class Over(NamedTuple):
    """Pairs of a campaign that are not given to a rater again."""

    n_plain: int
    """Labelled or skipped; those that the campaign counts no more are left out."""
    n_more: int
    """Gold pairs and pairs given again that were answered."""


def over(session: Session, rater_id: int) -> dict[int, Over]:
    """Returns what a rater has done with in each campaign, practice aside."""
    is_plain = (Assignment.purpose == Purpose.LABEL) & (CampaignItem.kind == ItemKind.PLAIN)
    is_counted = (CampaignItem.n_taken > 0) | is_offered()
    is_answered = Assignment.state == AssignmentState.DONE
    rows = session.execute(
        select(
            Assignment.campaign_id,
            func.sum(case((is_plain & is_counted, 1), else_=0)),
            func.sum(case((~is_plain & is_answered, 1), else_=0)),
        )
        .join(CampaignItem, CampaignItem.id == Assignment.item_id)
        .where(
            Assignment.rater_id == rater_id,
            Assignment.state.in_(_OVER),
            Assignment.purpose != Purpose.PRACTICE,
        )
        .group_by(Assignment.campaign_id)
    )
    return {campaign_id: Over(*n) for campaign_id, *n in rows.tuples()}


def voted_elsewhere(session: Session, rater_id: int, campaign_ids: list[int]) -> dict[int, int]:
    """Returns how many pairs of each campaign a rater is not given for a vote given elsewhere."""
    voted = _voted_elsewhere(bindparam("rater"))
    pairs = (
        select(CampaignItem.campaign_id, func.count(CampaignItem.id))
        .where(
            CampaignItem.campaign_id.in_(campaign_ids), CampaignItem.kind == ItemKind.PLAIN, voted
        )
        .group_by(CampaignItem.campaign_id)
    )
    return dict(session.execute(pairs, {"rater": rater_id}).tuples().all())


def reserved(session: Session, rater_id: int) -> dict[int, int]:
    """Returns the number of counted comparisons that a rater has reserved, by campaign id."""
    rows = session.execute(
        select(Assignment.campaign_id, func.count(Assignment.id))
        .where(
            Assignment.rater_id == rater_id,
            Assignment.state == AssignmentState.RESERVED,
            Assignment.counts,
        )
        .group_by(Assignment.campaign_id)
    )
    return dict(rows.tuples().all())


def _voted_elsewhere(rater_id: SQLCoreOperations[int]) -> Exists:
    """Returns the condition that a rater voted on a pair that the campaign had not given."""
    elsewhere = exists().where(
        # found by its comparison: a rater has many, and nearly all supersede none
        Vote.rater_id + 0 == rater_id,
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == Purpose.LABEL,
        (Vote.supersedes_id + 0).is_(None),
        ~_given(rater_id),
    )
    return elsewhere.correlate(CampaignItem, CampaignRater)


def _given(rater_id: SQLCoreOperations[int]) -> Exists:
    """Returns the condition that a rater was given a pair to label, and it did not come back."""
    mine = aliased(Assignment)
    given = exists().where(
        mine.rater_id == rater_id,
        mine.item_id == CampaignItem.id,
        mine.purpose == Purpose.LABEL,
        mine.state != AssignmentState.EXPIRED,
    )
    return given.correlate(CampaignItem, CampaignRater)
