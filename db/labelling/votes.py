"""The vote log: decided once under a key, changed or undone by a row that supersedes."""

from typing import Any

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload
from sqlalchemy.sql import ColumnElement

from db.labelling.comparisons import find_comparison, known_of
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

# Statements of every answer are built once: to build one takes longer than to carry it out.
_later = aliased(Vote)
_SUPERSEDED = exists().where(_later.supersedes_id == Vote.id)
_OFFER = select(Offer).where(Offer.key == bindparam("key"))
_IS_STORED = select(Vote.id).where(Vote.key == bindparam("key"))
_VOTE = (
    select(Vote)
    .where(Vote.key == bindparam("key"))
    .options(joinedload(Vote.comparison), joinedload(Vote.rater))
)
_END = select(Vote.id).where(
    Vote.rater_id == bindparam("rater_id"),
    Vote.comparison_id == bindparam("comparison_id"),
    Vote.purpose == bindparam("purpose"),
    ~_SUPERSEDED,
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
    """Store a rater's decision, given in terms of the screen, and return it.

    The same key again returns the stored row, whatever is said the second time: to change one's
    mind is a new offer. A vote on a comparison already voted on supersedes the earlier one.
    """
    if (stored := _by_key(session, offer_key)) is not None:
        return stored
    offered = _offer(session, offer_key)
    comparison = offered.comparison
    rater = lock_rater(session, offered.rater_id)
    return _append(
        session,
        key=offer_key,
        comparison=comparison,
        rater=rater,
        offer_key=offer_key,
        outcome=shown.mirrored() if offered.flipped else shown,
        strength=strength,
        purpose=offered.purpose,
        blind=not (offered.thoughts_seen or known_of(session, rater.id, comparison.id).seen),
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
    """Store a judge's verdict in the comparison's own terms; a judge sees only what is compared.

    `key` names the verdict: sent twice it is stored once. `agreed` says whether a judge that was
    asked in both orders said the same twice.
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
    """Withdraw the rater's latest vote that stands (in a campaign); None when there is none left.

    The comparison is then without a vote, also where the withdrawn one had replaced an earlier
    one: undo means "ask me again", not "I think what I thought before". Each further undo, under
    a new key, takes the vote before; the same key again returns the same row.
    """
    if (stored := _by_key(session, key)) is not None:
        return stored
    rater = lock_rater(session, rater_id)
    standing = select(Vote).where(Vote.rater_id == rater_id, stands())
    if campaign_id is not None:
        standing = standing.join(Assignment, Assignment.offer_key == Vote.offer_key).where(
            Assignment.campaign_id == campaign_id
        )
    last = session.scalars(
        standing.order_by(Vote.id.desc()).limit(1).options(joinedload(Vote.comparison))
    ).one_or_none()
    if last is None:
        return None
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
    """Say why one voted so: a row that supersedes the vote under this offer and repeats it.

    Said twice, it is stored once; nothing said takes a reason away. Raises `Conflict` where no
    vote stands.
    """
    said = session.scalars(
        select(Vote)
        .where(Vote.offer_key == offer_key, stands())
        .options(joinedload(Vote.comparison), joinedload(Vote.rater))
    ).one_or_none()
    if said is None:
        raise Conflict("There is no vote to give a reason for; it may have been taken back.")
    if (said.rationale or "") == reason:
        return said
    return _append(
        session,
        key=f"{offer_key}:{said.id}",
        comparison=said.comparison,
        rater=said.rater,
        purpose=said.purpose,
        offer_key=offer_key,
        outcome=said.outcome,
        strength=said.strength,
        blind=said.blind,
        rationale=reason or None,
        decided_ms=said.decided_ms,
        client=said.client,
    )


def highest_vote_id(session: Session) -> int:
    """The newest row of the log, 0 when it is empty."""
    return session.scalar(select(func.max(Vote.id))) or 0


def stands() -> ColumnElement[bool]:
    return (Vote.outcome != Outcome.WITHDRAWN) & ~_SUPERSEDED


def _append(
    session: Session,
    *,
    outcome: Outcome,
    comparison: Comparison,
    rater: Rater,
    purpose: Purpose = Purpose.LABEL,
    **columns: Any,
) -> Vote:
    """Add a vote at the end of this rater's chain on this comparison."""
    if outcome is Outcome.WITHDRAWN:
        raise Conflict("A vote cannot be cast as withdrawn; undo the last one instead.")
    chain = {"rater_id": rater.id, "comparison_id": comparison.id, "purpose": purpose}
    end = session.connection().execute(_END, chain).scalar_one_or_none()
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
