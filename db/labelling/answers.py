"""Stores a rater's vote on an assigned comparison, and counts it.

Statements are built once, and read and write columns: building one takes longer than executing it,
and so does loading an object.
"""

from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, aliased

from db.labelling import rater_progress, slots
from db.labelling.comparisons import compared
from db.labelling.raters import hold_rater
from db.labelling.votes import StoredVote, cast_vote
from db.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignState,
    Comparison,
    Offer,
    Outcome,
    Purpose,
    Round,
    now,
    words_of,
)
from db.storage.errors import Conflict, Missing

NOT_GIVEN = "This comparison was not given to you. Load the next one."


class Assigned(NamedTuple):
    """An assignment as an answer needs it."""

    id: int
    campaign_id: int
    item_id: int
    rater_id: int
    purpose: Purpose
    state: AssignmentState
    counts: bool
    offer_key: str


class Labelled(NamedTuple):
    """A stored vote, its assignment, and how many answers the rater has given in the campaign."""

    vote: StoredVote
    assignment: Assigned
    n_done: int
    same_words: bool
    """Whether both compared texts are the same words: nothing can be learnt from the vote."""
    state: CampaignState
    """Of the campaign, which may have been paused since the pair was given."""


_left, _right = aliased(Round), aliased(Round)
_SAME_WORDS = (
    select(words_of(compared(_left)) == words_of(compared(_right)))
    .select_from(Offer)
    .join(Comparison, Comparison.id == Offer.comparison_id)
    .join(_left, _left.id == Comparison.left_round_id)
    .join(_right, _right.id == Comparison.right_round_id)
    .where(Offer.key == Assignment.offer_key)
    .correlate(Assignment)
    .scalar_subquery()
)
_STATE = (
    select(Campaign.state)
    .where(Campaign.id == Assignment.campaign_id)
    .correlate(Assignment)
    .scalar_subquery()
)
_ASSIGNED = (
    select(*(getattr(Assignment, name) for name in Assigned._fields), _SAME_WORDS, _STATE)
    .where(Assignment.offer_key == bindparam("key"))
    .with_for_update(of=Assignment, key_share=True)
)
_ANSWER = (
    update(Assignment)
    .where(Assignment.id == bindparam("assignment"))
    .values(state=bindparam("answered"), lease_until=None, done_at=bindparam("at"))
)


def vote(
    session: Session,
    key: str,
    shown: Outcome,
    *,
    rater_id: int | None = None,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
) -> Labelled:
    """Stores a rater's vote on an assigned comparison; sent again it is stored once.

    Raises `Missing` for a key that is assigned to nobody, or to another rater than `rater_id`.

    A vote that arrives after its lease expired takes a slot again if one is free; else it is
    logged as late and does not count.
    """
    if rater_id is not None:
        hold_rater(session, rater_id)  # before the assignment, as `reserve` does: no deadlock
    connection = session.connection()
    row = connection.execute(_ASSIGNED, {"key": key}).one_or_none()
    if row is None or rater_id not in (None, row.rater_id):
        raise Missing(NOT_GIVEN)
    *columns, same_words, state = row
    assigned = Assigned(*columns)
    campaign_id = assigned.campaign_id
    match assigned.state:
        case AssignmentState.SKIPPED:
            raise Conflict("You skipped this comparison; it is not given to you again.")
        case AssignmentState.RESERVED:
            counted = True
        case AssignmentState.EXPIRED:
            counted = not assigned.counts or slots.take(session, campaign_id, assigned.item_id)
        case _:
            counted = False
    if counted or assigned.state is AssignmentState.EXPIRED:
        answered = AssignmentState.DONE if counted else AssignmentState.LATE
        change = {"assignment": assigned.id, "answered": answered, "at": now()}
        connection.execute(_ANSWER, change)
        assigned = assigned._replace(state=answered)
    stored = cast_vote(session, key, shown, strength=strength, decided_ms=decided_ms, client=client)
    if counted:
        n_done = slots.count(session, assigned, +1)
        return Labelled(stored, assigned, n_done, same_words, state)
    n_done = rater_progress.of_rater(session, campaign_id, assigned.rater_id).n_done
    return Labelled(stored, assigned, n_done, same_words, state)
