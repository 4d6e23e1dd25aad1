"""How far each rater has come in a campaign: counts kept, not counted."""

from typing import Any

from sqlalchemy.orm import Session

from db.dialects import insert
from db.models import CampaignRater


def of_rater(session: Session, campaign_id: int, rater_id: int) -> CampaignRater:
    """How far a rater has come; zeros for one who has not begun."""
    found = session.get(CampaignRater, (campaign_id, rater_id))
    return found or CampaignRater(
        campaign_id=campaign_id, rater_id=rater_id, n_done=0, n_skipped=0, n_practised=0
    )


def add(session: Session, campaign_id: int, rater_id: int, **more: int) -> None:
    """Add to a rater's counts, which begin at zero."""
    zeros = {"n_done": 0, "n_skipped": 0, "n_practised": 0}
    row = insert(session, CampaignRater).values(
        campaign_id=campaign_id,
        rater_id=rater_id,
        **{name: max(0, more.get(name, 0)) for name in zeros},
    )
    added = {name: getattr(CampaignRater, name) + n for name, n in more.items() if n}
    keys = ("campaign_id", "rater_id")
    if added:
        session.execute(row.on_conflict_do_update(index_elements=keys, set_=added))
    else:
        session.execute(row.on_conflict_do_nothing())


def remember(session: Session, campaign_id: int, rater_id: int, **marks: Any) -> None:
    """Note where a rater stands in the orders comparisons are given out in."""
    add(session, campaign_id, rater_id)
    row = session.get_one(CampaignRater, (campaign_id, rater_id))
    for name, value in marks.items():
        setattr(row, name, value)
