"""Writes the vote log: one vote a key; a row that supersedes it changes or withdraws it."""

from typing import Any

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session, joinedload

from db.labelling.comparisons import HIDDEN, find_comparison, read_sides
from db.labelling.raters import lock_rater
from db.models import (
    Assignment,
    Comparison,
    Offer,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Vote,
)
from db.storage.errors import Conflict

# Statements of every answer are built once: building one takes longer than executing it.
_IS_CURRENT = Vote.is_current()
_OFFER = select(Offer).where(Offer.key == bindparam("key"))
_IS_STORED = select(Vote.id).where(Vote.key == bindparam("key"))
_VOTE = (
    select(Vote)
    .where(Vote.key == bindparam("key"))
    .options(joinedload(Vote.comparison), joinedload(Vote.rater))
)
_CHAIN_END = select(Vote.id).where(
    Vote.rater_id == bindparam("rater_id"),
    Vote.comparison_id == bindparam("comparison_id"),
    Vote.purpose == bindparam("purpose"),
    ~Vote.is_superseded(),
)


def cast_vote(
    session: Session,
    offer_key: str,
    shown: Outcome,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
    rationale: str | None = None,
) -> Vote:
    """Stores and returns a rater's vote, given in terms of the screen.

    The same key again returns the stored row, whatever the second outcome: changing a vote needs a
    new offer. A vote on a comparison already voted on supersedes the earlier one. Raises `Conflict`
    for a hidden comparison, on which no vote counts.
    """
    if (stored := _by_key(session, offer_key)) is not None:
        return stored
    offered = _offer(session, offer_key)
    comparison = offered.comparison
    rater = lock_rater(session, offered.rater_id)
    sides = read_sides(session, rater.id, comparison.id)
    if not sides.shown:
        raise Conflict(HIDDEN)
    return _append(
        session,
        key=offer_key,
        comparison=comparison,
        rater=rater,
        offer_key=offer_key,
        outcome=shown.mirrored() if offered.flipped else shown,
        strength=strength,
        purpose=offered.purpose,
        blind=not (offered.thoughts_seen or sides.seen),
        rationale=rationale,
        decided_ms=decided_ms,
        client=client,
    )


def judge_vote(
    session: Session,
    rater_id: int,
    comparison_id: int,
    outcome: Outcome,
    rationale: str | None,
    key: str,
    *,
    agreed: bool | None = None,
) -> Vote:
    """Stores a judge's verdict in the comparison's own terms; a judge sees only what is compared.

    `key` names the verdict: sent twice it is stored once. `agreed` says whether a judge that was
    asked in both orders gave the same verdict twice.
    """
    if (stored := _by_key(session, key)) is not None:
        return stored
    rater = lock_rater(session, rater_id)
    if rater.kind is not RaterKind.JUDGE:
        raise Conflict(f"{rater.name!r} is a person, who votes on an offer, not as a judge does.")
    return _append(
        session,
        key=key,
        comparison=find_comparison(session, comparison_id),
        rater=rater,
        outcome=outcome,
        blind=True,
        rationale=rationale,
        agreed=agreed,
    )


def undo_last(
    session: Session, rater_id: int, key: str, *, campaign_id: int | None = None
) -> Vote | None:
    """Withdraws the rater's latest vote, hidden or not; returns None when none is left.

    Only votes of the campaign are meant or, without one, those that no campaign asked for.

    The comparison then has no vote, even where the withdrawn one had replaced an earlier one: undo
    means "ask me again", not "my earlier vote counts". Each further undo, under a new key,
    withdraws the vote before; the same key again returns the same row.
    """
    if (stored := _by_key(session, key)) is not None:
        return stored
    rater = lock_rater(session, rater_id)
    current = select(Vote).where(
        Vote.rater_id == rater_id,
        Vote.outcome != Outcome.WITHDRAWN,
        ~Vote.is_superseded(),
        Vote.purpose != Purpose.ADJUDICATION,
    )
    assigned = exists().where(Assignment.offer_key == Vote.offer_key)
    if campaign_id is None:
        current = current.where(~assigned)
    else:
        current = current.where(assigned.where(Assignment.campaign_id == campaign_id))
    last = session.scalars(
        current.order_by(Vote.id.desc()).limit(1).options(joinedload(Vote.comparison))
    ).one_or_none()
    return None if last is None else withdraw(session, last, rater, key)


def withdraw(session: Session, last: Vote, rater: Rater, key: str) -> Vote:
    """Adds the row by which a rater takes a current vote back."""
    withdrawal = Vote(
        key=key,
        comparison=last.comparison,
        rater=rater,
        purpose=last.purpose,
        outcome=Outcome.WITHDRAWN,
        blind=last.blind,
        supersedes_id=last.id,
    )
    session.add(withdrawal)
    session.flush()
    return withdrawal


def explain(session: Session, offer_key: str, reason: str) -> Vote:
    """Adds a reason to the vote under this offer, in a row that supersedes and repeats it.

    The same reason twice is stored once; an empty one removes it. Raises `Conflict` where there
    is no current vote.
    """
    vote = session.scalars(
        select(Vote)
        .where(Vote.offer_key == offer_key, _IS_CURRENT)
        .options(joinedload(Vote.comparison), joinedload(Vote.rater))
    ).one_or_none()
    if vote is None:
        raise Conflict("There is no vote to give a reason for; it may have been taken back.")
    if (vote.rationale or "") == reason:
        return vote
    return _append(
        session,
        key=f"{offer_key}:{vote.id}",
        comparison=vote.comparison,
        rater=vote.rater,
        purpose=vote.purpose,
        offer_key=offer_key,
        outcome=vote.outcome,
        strength=vote.strength,
        blind=vote.blind,
        rationale=reason or None,
        decided_ms=vote.decided_ms,
        client=vote.client,
    )


def highest_vote_id(session: Session) -> int:
    """Returns the id of the newest row of the log, 0 when it is empty."""
    return session.scalar(select(func.max(Vote.id))) or 0


def _append(
    session: Session,
    *,
    outcome: Outcome,
    comparison: Comparison,
    rater: Rater,
    purpose: Purpose = Purpose.LABEL,
    **columns: Any,
) -> Vote:
    """Appends a vote to this rater's chain on this comparison."""
    if outcome is Outcome.WITHDRAWN:
        raise Conflict("A vote cannot be cast as withdrawn; undo the last one instead.")
    chain = {"rater_id": rater.id, "comparison_id": comparison.id, "purpose": purpose}
    end = session.connection().execute(_CHAIN_END, chain).scalar_one_or_none()
    vote = Vote(
        outcome=outcome,
        purpose=purpose,
        comparison=comparison,
        rater=rater,
        supersedes_id=end,
        **columns,
    )
    session.add(vote)
    session.flush()
    return vote


def _by_key(session: Session, key: str) -> Vote | None:
    named = {"key": key}
    if session.connection().execute(_IS_STORED, named).first() is None:
        return None
    return session.scalars(_VOTE, named).one()


def _offer(session: Session, key: str) -> Offer:
    found = session.scalars(_OFFER, {"key": key}).one_or_none()
    if found is None:
        raise Conflict("This pair is not on offer any more; load the next one.")
    return found
