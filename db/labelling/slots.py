"""The places of a campaign's comparisons: taken, freed and counted, never more than there are.

The statements are built once: a rater waits for several of them with every answer, and to build one
takes longer than to carry it out.
"""

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from db.labelling import rater_progress
from db.models import Assignment, Campaign, CampaignItem, Purpose

_ITEM = update(CampaignItem).where(CampaignItem.id == bindparam("item"))
_TAKE_ONE = _ITEM.where(CampaignItem.n_taken < CampaignItem.overlap).values(
    n_taken=CampaignItem.n_taken + 1
)
_FREE_ONE = _ITEM.values(n_taken=CampaignItem.n_taken - 1)
_CAMPAIGN = update(Campaign).where(Campaign.id == bindparam("campaign"))
_TAKE_OF_BUDGET = _CAMPAIGN.where(
    Campaign.budget.is_(None) | (Campaign.n_taken < Campaign.budget)
).values(n_taken=Campaign.n_taken + 1)
_RETURN = _CAMPAIGN.values(
    n_taken=Campaign.n_taken - bindparam("n"), n_returned=Campaign.n_returned + 1
)
_COUNT = _CAMPAIGN.values(n_done=Campaign.n_done + bindparam("n"))


def take(session: Session, campaign_id: int, item_id: int) -> bool:
    """Take one place of an item and of the campaign's budget, if both have one."""
    connection = session.connection()
    item = {"item": item_id}
    if not connection.execute(_TAKE_ONE, item).rowcount:
        return False
    if connection.execute(_TAKE_OF_BUDGET, {"campaign": campaign_id}).rowcount:
        return True
    connection.execute(_FREE_ONE, item)
    return False


def give_back(session: Session, assignment: Assignment) -> None:
    """Free the place of a comparison that was reserved, for whoever asks next."""
    connection = session.connection()
    if assignment.counts:
        connection.execute(_FREE_ONE, {"item": assignment.item_id})
    connection.execute(_RETURN, {"campaign": assignment.campaign_id, "n": int(assignment.counts)})


def count(session: Session, assignment: Assignment, n: int) -> None:
    """Count a decision, or take it back (`n` is −1), where it counts."""
    if assignment.counts:
        session.connection().execute(_COUNT, {"campaign": assignment.campaign_id, "n": n})
    rater_progress.add(
        session,
        assignment.campaign_id,
        assignment.rater_id,
        n_done=0 if assignment.purpose is Purpose.PRACTICE else n,
        n_practised=n if assignment.purpose is Purpose.PRACTICE else 0,
    )
