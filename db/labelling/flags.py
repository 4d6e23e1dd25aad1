"""Flags: a rater says what is wrong with a comparison, for the administrators of the campaign."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from db.models import Assignment, CampaignItem, Comparison, Rater, now
from db.storage.errors import Missing


def set_flag(assignment: Assignment, flagged: bool, note: str = "") -> None:
    """Flags a comparison, with another note where it is flagged already, or takes the flag away."""
    if not flagged:
        assignment.flagged_at = None
    elif not assignment.flagged:
        assignment.flagged_at = now()
    assignment.flagged, assignment.note = flagged, (note.strip() or None) if flagged else None


def count(session: Session, campaign_id: int) -> int:
    """Returns how many flags a campaign's comparisons have."""
    flags = select(func.count()).where(Assignment.campaign_id == campaign_id, Assignment.flagged)
    return session.scalar(flags) or 0


def of_campaign(
    session: Session, campaign_id: int, offset: int, limit: int
) -> Sequence[tuple[Assignment, str]]:
    """Returns flagged assignments with the name of their rater, the newest flag first.

    Their comparisons are loaded with rounds and prompt.
    """
    comparison = joinedload(Assignment.item).joinedload(CampaignItem.comparison)
    flags = (
        select(Assignment, Rater.name)
        .join(Rater, Rater.id == Assignment.rater_id)
        .where(Assignment.campaign_id == campaign_id, Assignment.flagged)
        .order_by(Assignment.flagged_at.desc().nulls_last(), Assignment.id.desc())
        .offset(offset)
        .limit(limit)
        .options(
            comparison.joinedload(Comparison.left),
            comparison.joinedload(Comparison.right),
            comparison.joinedload(Comparison.prompt),
        )
    )
    return session.execute(flags).tuples().all()


def take_away(session: Session, campaign_id: int, assignment_id: int) -> None:
    """Takes a flag away; one that is away already stays so. Raises `Missing`."""
    assignment = session.get(Assignment, assignment_id)
    if assignment is None or assignment.campaign_id != campaign_id:
        raise Missing(f"Campaign {campaign_id} has no flag {assignment_id}.")
    set_flag(assignment, False)
