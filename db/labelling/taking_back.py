"""Takes back what a rater did last in a campaign, a vote or a skip, and offers its pair again."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db.labelling import rater_progress, slots
from db.labelling.assignments import find, renew
from db.labelling.comparisons import show
from db.labelling.hidden_items import is_offered
from db.labelling.raters import lock_rater
from db.labelling.votes import (
    OTHER_KEY,
    find_chosen,
    find_shown_again,
    last_vote,
    shown_again,
    withdraw,
)
from db.models import Assignment, AssignmentState, CampaignItem, Offer, Vote
from db.storage.errors import Conflict


def undo(
    session: Session, campaign_id: int, rater_id: int, key: str, *, tab: str = ""
) -> tuple[Vote | None, Assignment] | None:
    """Takes back the rater's last vote or skip in this campaign; its pair is offered again, sides
    unchanged. Returns the vote that was withdrawn, None for a skip, and the assignment.

    Returns None when nothing is left. The same key again gives the same answer. Raises `Conflict`
    for a key that names another rater's undo, or anything but an undo in this campaign.
    """
    rater = lock_rater(session, rater_id)
    stored = find_chosen(session, key)
    if (offer := find_shown_again(session, key)) is not None:
        if (offer.rater_id, offer.key) != (rater_id, shown_again(key, campaign_id)):
            raise Conflict(OTHER_KEY)
        return _taken_back(session, campaign_id, offer, stored)
    if stored is not None:
        raise Conflict(OTHER_KEY)
    voted = last_vote(session, rater_id, campaign_id=campaign_id)
    answered = None if voted is None else find(session, str(voted.offer_key))
    skipped = _last_skip(session, campaign_id, rater_id)
    if skipped is not None and (answered is None or _done_at(skipped) > _done_at(answered)):
        _offer_again(session, skipped, key, tab)
        return None, skipped
    if voted is None or answered is None:
        return None
    withdraw(session, voted, rater, key)
    _offer_again(session, answered, key, tab)
    return voted, answered


def _offer_again(session: Session, assignment: Assignment, key: str, tab: str) -> None:
    """Reserves an answered or skipped comparison anew, under the offer that this undo makes.

    Where other raters have taken its slot it counts as expired: a vote is taken late.
    """
    before = session.get_one(Offer, assignment.offer_key)
    rater_id = assignment.rater_id
    again = show(
        session,
        rater_id,
        before.comparison_id,
        flipped=before.flipped,
        purpose=before.purpose,
        key=shown_again(key, assignment.campaign_id),
    )
    match assignment.state:
        case AssignmentState.DONE:
            slots.count(session, assignment, -1)
            assignment.state = AssignmentState.RESERVED
        case AssignmentState.LATE:
            assignment.state = AssignmentState.EXPIRED
        case AssignmentState.SKIPPED:
            campaign_id = assignment.campaign_id
            rater_progress.add(session, campaign_id, rater_id, n_skipped=-1)
            is_free = not assignment.counts or slots.take(session, campaign_id, assignment.item_id)
            state = AssignmentState.RESERVED if is_free else AssignmentState.EXPIRED
            assignment.state = state
    assignment.offer_key, assignment.done_at, assignment.tab = again, None, tab
    session.flush()
    renew(session, rater_id, (again,))


def _taken_back(
    session: Session, campaign_id: int, offer: Offer, stored: Vote | None
) -> tuple[Vote | None, Assignment]:
    """Returns what an undo took back when it was sent first."""
    of_offer = _assignments(campaign_id, offer.rater_id).where(
        Assignment.purpose == offer.purpose, CampaignItem.comparison_id == offer.comparison_id
    )
    assignment = session.scalars(of_offer).one()
    voted = None if stored is None else session.get_one(Vote, stored.supersedes_id)
    return voted, assignment


def _done_at(assignment: Assignment) -> datetime:
    assert assignment.done_at is not None, "it was answered or skipped"
    return assignment.done_at


def _last_skip(session: Session, campaign_id: int, rater_id: int) -> Assignment | None:
    """Returns the newest skip whose pair is not hidden: on such a one no vote would be taken."""
    skips = _assignments(campaign_id, rater_id).where(
        Assignment.state == AssignmentState.SKIPPED, is_offered()
    )
    newest = skips.order_by(Assignment.done_at.desc(), Assignment.id.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def _assignments(campaign_id: int, rater_id: int) -> Select[Assignment]:
    """Selects what a rater was given in a campaign, with its items."""
    return (
        select(Assignment)
        .join(CampaignItem, CampaignItem.id == Assignment.item_id)
        .where(Assignment.campaign_id == campaign_id, Assignment.rater_id == rater_id)
    )
