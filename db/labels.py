"""Comparisons and votes: shown once under a key, decided once, undone by a row that supersedes."""

from collections.abc import Collection
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import Session, aliased, joinedload, selectinload
from sqlalchemy.sql import ColumnElement

from db.dialects import insert
from db.errors import Conflict
from db.models import (
    Aspect,
    Assignment,
    Comparison,
    Offer,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Reveal,
    Round,
    Run,
    Vote,
)

# Statements of every answer are built once: to build one takes longer than to carry it out.
_later = aliased(Vote)
_SUPERSEDED = exists().where(_later.supersedes_id == Vote.id)
_KNOWN = select(
    Comparison.left_round_id,
    Comparison.right_round_id,
    Comparison.aspect,
    exists()
    .where(
        Reveal.rater_id == bindparam("rater_id"),
        Reveal.round_id.in_((Comparison.left_round_id, Comparison.right_round_id)),
        Reveal.versions | (Comparison.aspect != Aspect.THOUGHT),
    )
    .correlate(Comparison)
    .label("seen"),
).where(Comparison.id == bindparam("comparison_id"))
_NAMED = select(Rater).where(Rater.name == bindparam("name"))
_SHOW = plain_insert(Offer)
_OFFER = select(Offer).where(Offer.key == bindparam("key"))
_IS_STORED = select(Vote.id).where(Vote.key == bindparam("key"))
_VOTE = (
    select(Vote)
    .where(Vote.key == bindparam("key"))
    .options(joinedload(Vote.comparison), joinedload(Vote.rater))
)
_LOCKED = select(Rater).where(Rater.id == bindparam("rater_id")).with_for_update()
_END = select(Vote.id).where(
    Vote.rater_id == bindparam("rater_id"),
    Vote.comparison_id == bindparam("comparison_id"),
    Vote.purpose == bindparam("purpose"),
    ~_SUPERSEDED,
)

_MIRRORED = {Outcome.LEFT: Outcome.RIGHT, Outcome.RIGHT: Outcome.LEFT}


def ensure_rater(
    session: Session, kind: RaterKind, name: str, config: dict[str, Any] | None = None
) -> Rater:
    """Return the rater of this name, stored now if new. Raises `Conflict` if it is another kind."""
    rater = find_rater(session, name)
    if rater is None:
        row = insert(session, Rater).values(kind=kind, name=name, config=config or {})
        session.execute(row.on_conflict_do_nothing())
        rater = session.scalars(_NAMED, {"name": name}).one()
    if rater.kind is not kind:
        raise Conflict(f"{name!r} is the name of a {rater.kind} already; choose another name.")
    return rater


def find_rater(session: Session, name: str) -> Rater | None:
    """Look a rater up without making one."""
    return session.scalars(_NAMED, {"name": name}).one_or_none()


def rename_rater(session: Session, name: str, wanted: str) -> None:
    """Give a rater another name; one who has not rated yet has no row to rename.

    Raises `Conflict` when somebody has that name.
    """
    if session.scalar(select(Rater.id).where(Rater.name == wanted)) is not None:
        raise Conflict(
            f"There is a rater {wanted!r} already. If that is you, ask for an invitation with your "
            "name; else choose another one."
        )
    session.execute(update(Rater).where(Rater.name == name).values(name=wanted))


def ensure_comparison(
    session: Session, round_a_id: int, round_b_id: int, aspect: Aspect = Aspect.RESPONSE
) -> Comparison:
    """Return the comparison of two rounds, in whichever order they are given."""
    if round_a_id == round_b_id:
        raise Conflict(f"Round {round_a_id} cannot be compared with itself; choose two rounds.")
    left_id, right_id = sorted((round_a_id, round_b_id))
    same = (
        select(Comparison)
        .where(
            Comparison.left_round_id == left_id,
            Comparison.right_round_id == right_id,
            Comparison.aspect == aspect,
        )
        .options(joinedload(Comparison.left), joinedload(Comparison.right))
    )
    if (found := session.scalars(same).one_or_none()) is not None:
        return found
    left, right = (_round(session, round_id) for round_id in (left_id, right_id))
    if left.prompt_id != right.prompt_id:
        raise Conflict(
            f"Rounds {left_id} and {right_id} answer different prompts; only answers to the same "
            "prompt can be compared."
        )
    row = insert(session, Comparison).values(
        prompt_id=left.prompt_id, left_round_id=left_id, right_round_id=right_id, aspect=aspect
    )
    session.execute(row.on_conflict_do_nothing())
    return session.scalars(same).one()


def offer(
    session: Session,
    rater_id: int,
    comparison_id: int,
    *,
    flipped: bool,
    purpose: Purpose = Purpose.LABEL,
) -> Offer:
    """Store that a comparison is shown to a rater, as `show` does; the row, with its rounds."""
    comparison = _comparison(session, comparison_id)
    key = show(session, rater_id, comparison_id, flipped=flipped, purpose=purpose)
    shown = session.get_one(Offer, key)
    assert shown.comparison is comparison, "the one with its rounds"
    return shown


def show(
    session: Session, rater_id: int, comparison_id: int, *, flipped: bool, purpose: Purpose
) -> str:
    """Store that a comparison is shown to a rater: the key under which the vote comes back.

    Where thoughts are what is compared, showing it shows them.
    """
    sides = _known(session, rater_id, comparison_id)
    shown = {
        "key": uuid4().hex,
        "comparison_id": comparison_id,
        "rater_id": rater_id,
        "flipped": flipped,
        "purpose": purpose,
        "thoughts_seen": sides.seen,
    }
    session.connection().execute(_SHOW, shown)
    if sides.aspect is Aspect.THOUGHT:
        for round_id in (sides.left_round_id, sides.right_round_id):
            reveal(session, rater_id, round_id, versions=False)
    return str(shown["key"])


def reveal(session: Session, rater_id: int, round_id: int, *, versions: bool = True) -> None:
    """The thought of a round is sent to a rater: from now on his votes on it are not blind.

    Without `versions` who wrote it stays hidden, and his votes on thoughts stay blind.
    """
    row = insert(session, Reveal).values(rater_id=rater_id, round_id=round_id, versions=versions)
    both = (Reveal.rater_id, Reveal.round_id)
    if versions:
        session.execute(
            row.on_conflict_do_update(index_elements=both, set_={Reveal.versions: True})
        )
    else:
        session.execute(row.on_conflict_do_nothing())


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
    rater = _locked(session, offered.rater_id)
    return _append(
        session,
        key=offer_key,
        comparison=comparison,
        rater=rater,
        offer_key=offer_key,
        outcome=_MIRRORED.get(shown, shown) if offered.flipped else shown,
        strength=strength,
        purpose=offered.purpose,
        blind=not (offered.thoughts_seen or _known(session, rater.id, comparison.id).seen),
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
    rater = _locked(session, rater_id)
    if rater.kind is not RaterKind.JUDGE:
        raise Conflict(f"{rater.name!r} is a person, who votes on an offer, not as a judge does.")
    return _append(
        session,
        key=key,
        comparison=_comparison(session, comparison_id),
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
    rater = _locked(session, rater_id)
    standing = select(Vote).where(Vote.rater_id == rater_id, _stands())
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
        .where(Vote.offer_key == offer_key, _stands())
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


def current_votes(
    session: Session, *, after: int = 0, kinds: Collection[RaterKind] | None = None
) -> list[Vote]:
    """The votes on responses that stand, oldest first, with what training and plots read of them.

    Repeats and practice are checks on a rater, not opinions, and are left out. So is what a judge
    said of a job's own samples: that job makes its pairs of it, and nothing is learnt twice.

    Loaded in a number of queries that hardly grows with the votes: rater, comparison, prompt,
    both rounds with their runs and all their earlier rounds, so that `lineage` asks for no more.
    """
    standing = select(Vote).where(Vote.id > after, _learnable()).order_by(Vote.id)
    if kinds is not None:
        standing = standing.join(Vote.rater).where(Rater.kind.in_(kinds))
    comparison = selectinload(Vote.comparison)
    sides = (comparison.selectinload(side) for side in (Comparison.left, Comparison.right))
    loads = [selectinload(Vote.rater), comparison.selectinload(Comparison.prompt)]
    for side in sides:
        loads += [
            side.selectinload(Round.run).selectinload(Run.prompt),
            side.selectinload(Round.prompt),
            side.selectinload(Round.adapter),
            side.selectinload(Round.parent, recursion_depth=-1),
        ]
    return list(session.scalars(standing.options(*loads)))


def count_preferences(session: Session, after: int = 0) -> int:
    """How many standing votes after row `after` say left or right: what DPO learns from."""
    decided = Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT))
    waiting = select(func.count(Vote.id)).where(Vote.id > after, decided, _learnable())
    return session.scalar(waiting) or 0


def highest_vote_id(session: Session) -> int:
    """The newest row of the log, 0 when it is empty."""
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


def _stands() -> ColumnElement[bool]:
    return (Vote.outcome != Outcome.WITHDRAWN) & ~_SUPERSEDED


def _learnable() -> ColumnElement[bool]:
    on_responses = exists().where(
        Comparison.id == Vote.comparison_id, Comparison.aspect == Aspect.RESPONSE
    )
    counted = (Vote.purpose == Purpose.LABEL) & on_responses.correlate(Vote)
    return _stands() & counted & ~of_a_job()


def _known(session: Session, rater_id: int, comparison_id: int) -> Any:
    """A comparison's sides and aspect, and whether the rater has `seen` more than it shows."""
    named = {"rater_id": rater_id, "comparison_id": comparison_id}
    row = session.connection().execute(_KNOWN, named).one_or_none()
    if row is None:
        raise Conflict(f"Comparison {comparison_id} is not in this database; load the page again.")
    return row


def _locked(session: Session, rater_id: int) -> Rater:
    """The rater, held to the end of the transaction: two tabs of one person vote in turn."""
    rater = session.scalars(_LOCKED, {"rater_id": rater_id}).one_or_none()
    if rater is None:
        raise Conflict(f"Rater {rater_id} is not in this database; sign in again.")
    return rater


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


def _comparison(session: Session, comparison_id: int) -> Comparison:
    found = session.get(
        Comparison,
        comparison_id,
        options=[joinedload(Comparison.left), joinedload(Comparison.right)],
    )
    if found is None:
        raise Conflict(f"Comparison {comparison_id} is not in this database; load the page again.")
    return found


def _round(session: Session, round_id: int) -> Round:
    found = session.get(Round, round_id)
    if found is None:
        raise Conflict(f"Round {round_id} is not in this database; load the page again.")
    return found


def of_a_job() -> ColumnElement[bool]:
    """A judge's vote on rounds that a job had written for itself."""
    return (
        exists()
        .where(
            Rater.id == Vote.rater_id,
            Rater.kind == RaterKind.JUDGE,
            Comparison.id == Vote.comparison_id,
            Round.id == Comparison.left_round_id,
            Run.id == Round.run_id,
            Run.job_id.is_not(None),
        )
        .correlate(Vote)
    )
