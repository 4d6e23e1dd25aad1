"""Takes, releases and counts the label slots of a campaign's comparisons.

Statements are built once: a rater waits for several of them with every answer, and building one
takes longer than executing it.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from db.labelling import rater_progress
from db.models import Campaign, CampaignItem, Purpose


class Countable(Protocol):
    """An assignment, or its columns, as far as counting it needs them."""

    @property
    def campaign_id(self) -> int: ...
    @property
    def item_id(self) -> int: ...
    @property
    def rater_id(self) -> int: ...
    @property
    def purpose(self) -> Purpose: ...
    @property
    def counts(self) -> bool: ...


_ITEM = update(CampaignItem).where(CampaignItem.id == bindparam("item"))
_TAKE_ONE = _ITEM.where(CampaignItem.n_taken < CampaignItem.overlap).values(
    n_taken=CampaignItem.n_taken + 1
)
_FREE_ONE = _ITEM.values(n_taken=CampaignItem.n_taken - 1)
_CAMPAIGN = update(Campaign).where(Campaign.id == bindparam("campaign"))
_TAKE_OF_BUDGET = _CAMPAIGN.where(
    Campaign.budget.is_(None) | (Campaign.n_taken < Campaign.budget)
).values(n_taken=Campaign.n_taken + 1)
_RELEASE = _CAMPAIGN.values(
    n_taken=Campaign.n_taken - bindparam("n"), n_returned=Campaign.n_returned + 1
)
_COUNT = _CAMPAIGN.values(n_done=Campaign.n_done + bindparam("n"))


def take(session: Session, campaign_id: int, item_id: int) -> bool:
    """Takes one slot of an item and of its campaign's budget; returns whether both had one."""
    connection = session.connection()
    item = {"item": item_id}
    if not connection.execute(_TAKE_ONE, item).rowcount:
        return False
    if connection.execute(_TAKE_OF_BUDGET, {"campaign": campaign_id}).rowcount:
        return True
    connection.execute(_FREE_ONE, item)
    return False


def release(session: Session, campaign_id: int, reserved: Sequence[Countable]) -> None:
    """Frees the slots of reserved comparisons of a campaign.

    Items come before their campaign, and in one order, as whoever takes a slot locks them: two that
    held what the other waits for would both be kept waiting, and one refused.
    """
    connection = session.connection()
    counted = sorted(one.item_id for one in reserved if one.counts)
    for item_id in counted:
        connection.execute(_FREE_ONE, {"item": item_id})
    connection.execute(_RELEASE, {"campaign": campaign_id, "n": len(counted)})


def count(session: Session, assignment: Countable, n: int) -> int:
    """Counts a decision (`n` is 1), or an undone one (−1), in the campaign and for the rater.

    Returns how many answers the rater has given in the campaign.
    """
    if assignment.counts:
        session.connection().execute(_COUNT, {"campaign": assignment.campaign_id, "n": n})
    return rater_progress.add(
        session,
        assignment.campaign_id,
        assignment.rater_id,
        n_done=0 if assignment.purpose is Purpose.PRACTICE else n,
        n_practised=n if assignment.purpose is Purpose.PRACTICE else 0,
    )
