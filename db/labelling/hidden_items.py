"""Keeps what campaigns want in step with the comparisons that are shown."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import ColumnElement, case, exists, func, select, update
from sqlalchemy.orm import Session

from db.models import Campaign, CampaignItem, Comparison, Import, ImportState, ItemKind


class Hiding(StrEnum):
    """Why a campaign has pairs and shows none of them."""

    UNDONE = "undone"
    """The import that brought some of them was undone."""
    DELETED = "deleted"
    """They were deleted by hand."""


def is_offered() -> ColumnElement[bool]:
    """Returns the condition for an item whose comparison is shown, for queries on items."""
    shown = exists().where(Comparison.id == CampaignItem.comparison_id, Comparison.is_shown())
    return shown.correlate(CampaignItem)


def all_hidden(session: Session, campaign_ids: Collection[int]) -> dict[int, Hiding]:
    """Returns those of these campaigns that have pairs and show none, each with why."""
    some = exists().where(
        CampaignItem.campaign_id == Campaign.id, CampaignItem.kind == ItemKind.PLAIN
    )
    undone = exists().where(
        Comparison.id == CampaignItem.comparison_id,
        Comparison.import_id == Import.id,
        Import.state == ImportState.UNDONE,
    )
    rows = session.execute(
        select(Campaign.id, some.where(undone.correlate(CampaignItem)).correlate(Campaign)).where(
            Campaign.id.in_(campaign_ids),
            some.correlate(Campaign),
            ~some.where(is_offered()).correlate(Campaign),
        )
    )
    return {one: Hiding.UNDONE if was_undone else Hiding.DELETED for one, was_undone in rows}


def recount(session: Session, changed: ColumnElement[bool]) -> None:
    """Counts anew what the campaigns with these comparisons want."""
    touched = select(CampaignItem.campaign_id).join(
        Comparison, Comparison.id == CampaignItem.comparison_id
    )
    ids = touched.where(changed).distinct().order_by(CampaignItem.campaign_id)
    for campaign_id in session.scalars(ids).all():
        count_wanted(session, campaign_id)


def count_wanted(session: Session, campaign_id: int) -> None:
    """Counts anew what a campaign wants.

    A hidden comparison wants no label more than it has. Raters who had none left are asked again.
    """
    # before it is counted: what another transaction changed of it is there then
    session.execute(select(Campaign.id).where(Campaign.id == campaign_id).with_for_update())
    wanted = case((Comparison.is_shown(), CampaignItem.overlap), else_=CampaignItem.n_taken)
    counted = case((wanted > 0, 1), else_=0)
    plain = (
        select(func.coalesce(func.sum(counted), 0), func.coalesce(func.sum(wanted), 0))
        .join(Comparison, Comparison.id == CampaignItem.comparison_id)
        .where(CampaignItem.campaign_id == campaign_id, CampaignItem.kind == ItemKind.PLAIN)
    )
    n_items, n_slots = session.execute(plain).one()
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(n_items=n_items, n_slots=n_slots, n_returned=Campaign.n_returned + 1)
    )
