"""Writes the vote log: one vote a key; a row that supersedes it changes or withdraws it."""

from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import String, bindparam, cast, exists, func, insert, or_, select
from sqlalchemy.orm import Session, joinedload

from db.labelling.comparisons import HIDDEN, SIDES, find_comparison
from db.labelling.raters import hold_rater, lock_rater
from db.models import Assignment, Comparison, Offer, Outcome, Purpose, Rater, RaterKind, Round, Vote
from db.storage.errors import Conflict


class StoredVote(NamedTuple):
    """A row of the log, as whoever cast it needs it."""

    id: int
    key: str
    comparison_id: int
    rater_id: int
    offer_key: str | None
    outcome: Outcome
    purpose: Purpose
    strength: int
    blind: bool
    rationale: str | None
    agreed: bool | None
    decided_ms: int | None
    client: str
    supersedes_id: int | None


# Statements of every answer are built once, and read and write columns: building one takes longer
# than executing it, and so does keeping an object in step with its row.
_COLUMNS = tuple(getattr(Vote, name) for name in StoredVote._fields)
_STORED = select(*_COLUMNS).where(Vote.key == bindparam("key"))
_EXPLAINED = select(*_COLUMNS).where(Vote.offer_key == bindparam("key"), Vote.is_current())
_OFFER = select(
    Offer.comparison_id, Offer.rater_id, Offer.flipped, Offer.purpose, Offer.thoughts_seen
).where(Offer.key == bindparam("key"))
_CHAIN_END = select(Vote.id).where(
    Vote.comparison_id == bindparam("comparison_id"),
    Vote.rater_id + 0 == bindparam("rater_id"),  # found by its comparison: a rater has many
    # a partial index has a condition on the purpose, and none serves here: see `fixed`
    cast(Vote.purpose, String) == bindparam("purpose", type_=Vote.purpose.type),
    ~Vote.is_superseded(),
)
OTHER_KEY = "This key names another vote or undo, or a pair that is shown; send a fresh one."
_SIDES_AND_END = SIDES.add_columns(_CHAIN_END.scalar_subquery().label("chain_end"))
_APPEND = insert(Vote)


def cast_vote(
    session: Session,
    offer_key: str,
    shown: Outcome,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
    rationale: str | None = None,
) -> StoredVote:
    """Stores and returns a rater's vote, given in terms of the screen.

    The same vote again returns the stored row. A vote on a comparison already voted on supersedes
    the earlier one. Raises `Conflict` for another vote under the same key, because changing one
    needs a new offer, and for a hidden comparison, on which no vote counts.
    """
    stored = _by_key(session, offer_key)
    offered = _offer(session, offer_key)
    outcome = shown.mirrored() if offered.flipped else shown
    if stored is not None:
        if stored.offer_key != offer_key:
            raise Conflict(OTHER_KEY)
        if (stored.outcome, stored.strength) != (outcome, strength):
            raise Conflict("This pair has another answer of yours already; undo it to change it.")
        return stored
    hold_rater(session, offered.rater_id)
    chain = {
        "rater_id": offered.rater_id,
        "comparison_id": offered.comparison_id,
        "purpose": offered.purpose,
    }
    sides = session.connection().execute(_SIDES_AND_END, chain).one()
    if not sides.shown:
        raise Conflict(HIDDEN)
    return _append(
        session,
        **chain,
        supersedes_id=sides.chain_end,
        key=offer_key,
        offer_key=offer_key,
        outcome=outcome,
        strength=strength,
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
) -> StoredVote:
    """Stores a judge's verdict in the comparison's own terms; a judge sees only what is compared.

    `key` names the verdict: sent twice it is stored once, as it was first. `agreed` says whether a
    judge that was asked in both orders gave the same verdict twice. Raises `Conflict` for a key
    that another row has, and for a person.
    """
    if (stored := _by_key(session, key)) is not None:
        if (stored.rater_id, stored.comparison_id) != (rater_id, comparison_id):
            raise Conflict(OTHER_KEY)
        return stored
    rater = lock_rater(session, rater_id)
    if rater.kind is not RaterKind.JUDGE:
        raise Conflict(f"{rater.name!r} is a person, who votes on an offer, not as a judge does.")
    find_comparison(session, comparison_id)
    chain = {"rater_id": rater_id, "comparison_id": comparison_id, "purpose": Purpose.LABEL}
    end = session.connection().execute(_CHAIN_END, chain).scalar_one_or_none()
    return _append(
        session,
        **chain,
        supersedes_id=end,
        key=key,
        outcome=outcome,
        blind=True,
        rationale=rationale,
        agreed=agreed,
    )


def undo_last(
    session: Session, rater_id: int, key: str, *, run_id: int | None = None
) -> Vote | None:
    """Withdraws the rater's latest vote that no campaign asked for, hidden or not.

    With a run it is the latest on that run's rounds. Returns None when none is left. The comparison
    then has no vote, even where the withdrawn one had replaced an earlier one: undo means "ask me
    again", not "my earlier vote counts". Each further undo, under a new key, withdraws the vote
    before; the same key again returns the same row. Raises `Conflict` for a key that names anything
    but such an undo of this rater.
    """
    stored = find_chosen(session, key)
    if find_shown_again(session, key) is not None:
        raise Conflict(OTHER_KEY)
    if stored is not None:
        if (
            stored.rater_id != rater_id
            or stored.outcome is not Outcome.WITHDRAWN
            or stored.purpose is Purpose.ADJUDICATION
        ):
            raise Conflict(OTHER_KEY)
        return stored
    rater = lock_rater(session, rater_id)
    last = last_vote(session, rater_id, run_id=run_id)
    return None if last is None else withdraw(session, last, rater, key)


def last_vote(
    session: Session,
    rater_id: int,
    *,
    campaign_id: int | None = None,
    run_id: int | None = None,
) -> Vote | None:
    """Returns the rater's latest vote in a campaign or, without one, that none asked for.

    With a run it is that on a pair which has a round of it.
    """
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
    if run_id is not None:
        of_run = select(Round.id).where(Round.run_id == run_id)
        sides = (Comparison.left_round_id, Comparison.right_round_id)
        pairs = select(Comparison.id).where(or_(*(side.in_(of_run) for side in sides)))
        current = current.where(Vote.comparison_id.in_(pairs))
    newest = current.order_by(Vote.id.desc()).limit(1).options(joinedload(Vote.comparison))
    return session.scalars(newest).one_or_none()


def shown_again(undo_key: str, campaign_id: int) -> str:
    """Returns the key of the offer that an undo in a campaign makes: both are known by it."""
    return f"{_digits_of(undo_key)}{campaign_id:08x}"


def find_shown_again(session: Session, undo_key: str) -> Offer | None:
    """Returns the offer that the undo of this key made, in whichever campaign."""
    digits = _digits_of(undo_key)
    # "g" comes after every hexadecimal digit
    made = select(Offer).where(Offer.key >= digits, Offer.key < f"{digits}g")
    return session.scalars(made.limit(1)).one_or_none()


def find_chosen(session: Session, key: str) -> Vote | None:
    """Returns the row under a key that its sender chose; whoever asks compares what it says.

    Raises `Conflict` for the key of an offer, which is that of the vote on it and of nothing else.
    """
    if session.connection().execute(_OFFER, {"key": key}).one_or_none() is not None:
        raise Conflict(OTHER_KEY)
    return session.scalars(select(Vote).where(Vote.key == key)).one_or_none()


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


def explain(session: Session, offer_key: str, reason: str) -> StoredVote:
    """Adds a reason to the vote under this offer, in a row that supersedes and repeats it.

    The same reason twice is stored once; an empty one removes it. Raises `Conflict` where there
    is no current vote.
    """
    row = session.connection().execute(_EXPLAINED, {"key": offer_key}).one_or_none()
    if row is None:
        raise Conflict("There is no vote to give a reason for; it may have been taken back.")
    vote = StoredVote(*row)
    if (vote.rationale or "") == reason:
        return vote
    repeated = vote._asdict()
    del repeated["id"]
    changed = {"key": f"{offer_key}:{vote.id}", "rationale": reason or None}
    return _append(session, **repeated | changed | {"supersedes_id": vote.id})


def highest_vote_id(session: Session) -> int:
    """Returns the id of the newest row of the log, 0 when it is empty."""
    return session.scalar(select(func.max(Vote.id))) or 0


def _digits_of(undo_key: str) -> str:
    return uuid5(NAMESPACE_OID, f"undo {undo_key}").hex[:24]


def _append(session: Session, **columns: Any) -> StoredVote:
    """Appends a vote to the chain whose end it supersedes."""
    if columns["outcome"] is Outcome.WITHDRAWN:
        raise Conflict("A vote cannot be cast as withdrawn; undo the last one instead.")
    values = _DEFAULTS | columns
    stored = session.connection().execute(_APPEND, values).inserted_primary_key
    assert stored is not None, "one row is inserted"
    return StoredVote(id=stored[0], **values)


_DEFAULTS: dict[str, Any] = {
    "offer_key": None,
    "strength": 1,
    "rationale": None,
    "agreed": None,
    "decided_ms": None,
    "client": "",
}


def _by_key(session: Session, key: str) -> StoredVote | None:
    row = session.connection().execute(_STORED, {"key": key}).one_or_none()
    return None if row is None else StoredVote(*row)


def _offer(session: Session, key: str) -> Any:
    found = session.connection().execute(_OFFER, {"key": key}).one_or_none()
    if found is None:
        raise Conflict("This pair is not on offer any more; load the next one.")
    return found
