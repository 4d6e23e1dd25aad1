"""Who is given which comparison of a campaign: reserved under a lease, done, skipped, given back.

Each function is one short piece of the caller's write transaction. On SQLite the single writer
keeps two raters apart; on PostgreSQL the rater's row is locked against his second tab, and an item
that somebody else is just taking is passed over. Those locks leave the keys alone (FOR NO KEY
UPDATE), because every row that refers to a locked one would wait for it.
"""

import random
from collections.abc import Collection
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from db import progress
from db.dialects import clock, insert
from db.errors import Conflict
from db.labels import cast_vote, offer, undo_last
from db.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignState,
    ItemKind,
    Offer,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Vote,
    now,
)
from db.picking import Picked, pick

LEASE_S = 1800.0
"""How long a comparison waits for its rater; every request of the page renews it."""
_SWEPT_AT_ONCE = 100

_RESERVED = Assignment.state == AssignmentState.RESERVED
_OPEN = CampaignItem.n_taken < CampaignItem.overlap


def reserve(
    session: Session,
    campaign_id: int,
    rater_id: int,
    n: int = 1,
    *,
    tab: str = "",
    have: Collection[str] = (),
    draw: random.Random | None = None,
    lease_s: float = LEASE_S,
) -> list[str]:
    """Give a rater `n` comparisons, fewer when fewer are left; the keys of their offers.

    What this page (`tab`) was given before and does not `have` any more comes first: a page that
    is loaded again goes on where it was. What other pages of the same rater hold comes only when
    nothing else is left.
    """
    draw = draw or random.Random()
    rater = _locked(session, rater_id)
    sweep(session, campaign_id)
    campaign = _open_campaign(session, campaign_id)
    _renew(session, rater_id, have, lease_s)
    held = _held(session, campaign_id, rater_id, tab, have)[:n]
    while len(held) < n:
        picked = pick(session, campaign, rater, draw)
        key = picked and _give(session, campaign_id, rater, picked, tab, draw, lease_s)
        if key is None:
            break
        held.append(key)
    if not held:
        held = _held(session, campaign_id, rater_id, None, have)[:n]
    _renew(session, rater_id, held, lease_s)
    return held


def vote(
    session: Session,
    key: str,
    shown: Outcome,
    *,
    strength: int = 1,
    decided_ms: int | None = None,
    client: str = "",
) -> tuple[Vote, Assignment]:
    """Store a rater's decision on what he was given; sent again it is stored once.

    A vote that comes after its lease ran out takes the place again, if it is free; else it is kept
    in the log as late and counts for nobody.
    """
    assignment = _find(session, key)
    if assignment.state is AssignmentState.SKIPPED:
        raise Conflict("You skipped this comparison; it is not given to you again.")
    cast = cast_vote(session, key, shown, strength=strength, decided_ms=decided_ms, client=client)
    if assignment.state is AssignmentState.EXPIRED:
        taken = not assignment.counts or _take(session, assignment.campaign_id, assignment.item_id)
        assignment.state = AssignmentState.RESERVED if taken else AssignmentState.LATE
    counted = assignment.state is AssignmentState.RESERVED
    if counted:
        assignment.state = AssignmentState.DONE
    assignment.lease_until = None
    assignment.done_at = assignment.done_at or now()
    session.flush()
    if counted:
        _count(session, assignment, +1)
    return cast, assignment


def undo(
    session: Session, campaign_id: int, rater_id: int, key: str, *, tab: str = ""
) -> tuple[Vote, Assignment] | None:
    """Take the rater's last vote in this campaign back and offer the pair again, as it stood.

    None when there is none left. The same key again gives the same answer.
    """
    withdrawal = undo_last(session, rater_id, key, campaign_id=campaign_id)
    if withdrawal is None:
        return None
    undone = session.get_one(Vote, withdrawal.supersedes_id)
    assignment = session.scalars(
        select(Assignment)
        .join(CampaignItem, CampaignItem.id == Assignment.item_id)
        .where(
            Assignment.campaign_id == campaign_id,
            Assignment.rater_id == rater_id,
            Assignment.purpose == undone.purpose,
            CampaignItem.comparison_id == undone.comparison_id,
        )
    ).one()
    if assignment.offer_key == undone.offer_key:
        before = session.get_one(Offer, undone.offer_key)
        again = offer(
            session, rater_id, undone.comparison_id, flipped=before.flipped, purpose=undone.purpose
        )
        if assignment.state is AssignmentState.DONE:
            _count(session, assignment, -1)
            assignment.state = AssignmentState.RESERVED
        elif assignment.state is AssignmentState.LATE:
            assignment.state = AssignmentState.EXPIRED
        assignment.offer_key, assignment.done_at, assignment.tab = again.key, None, tab
        session.flush()
        _renew(session, rater_id, (again.key,), LEASE_S)
    return undone, assignment


def skip(session: Session, key: str) -> Assignment:
    """Put a comparison aside for good: its place is free for others, never again for this rater."""
    assignment = _find(session, key)
    match assignment.state:
        case AssignmentState.RESERVED:
            _give_back(session, assignment)
        case AssignmentState.DONE | AssignmentState.LATE:
            raise Conflict("This comparison has your vote; undo it to skip the comparison.")
        case AssignmentState.SKIPPED:
            return assignment
    assignment.state = AssignmentState.SKIPPED
    assignment.lease_until, assignment.done_at = None, now()
    session.get_one(Offer, key).dismissed = True
    progress.add(session, assignment.campaign_id, assignment.rater_id, n_skipped=1)
    session.flush()
    return assignment


def sweep(session: Session, campaign_id: int) -> int:
    """Give back what raters did not answer before their lease ran out. Returns how many."""
    expired = session.scalars(
        select(Assignment)
        .where(Assignment.campaign_id == campaign_id, _RESERVED, Assignment.lease_until < clock())
        .limit(_SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
    ).all()
    for assignment in expired:
        _give_back(session, assignment)
        assignment.state, assignment.lease_until = AssignmentState.EXPIRED, None
    if expired:
        session.flush()
    return len(expired)


def find(session: Session, key: str) -> Assignment | None:
    """The assignment shown under a key, held to the end of the transaction."""
    return session.scalars(
        select(Assignment)
        .where(Assignment.offer_key == key)
        .with_for_update(of=Assignment, key_share=True)
    ).one_or_none()


def count_practice_left(session: Session, campaign_id: int, rater_id: int) -> int:
    """Practice comparisons that this rater has not answered."""
    answered = exists().where(
        Assignment.item_id == CampaignItem.id,
        Assignment.rater_id == rater_id,
        Assignment.state == AssignmentState.DONE,
    )
    practice = (CampaignItem.campaign_id == campaign_id, CampaignItem.kind == ItemKind.PRACTICE)
    return session.scalar(select(func.count(CampaignItem.id)).where(*practice, ~answered)) or 0


def _find(session: Session, key: str) -> Assignment:
    found = find(session, key)
    if found is None:
        raise Conflict("This comparison is not on offer any more; load the next one.")
    return found


def _give(
    session: Session,
    campaign_id: int,
    rater: Rater,
    picked: Picked,
    tab: str,
    draw: random.Random,
    lease_s: float,
) -> str | None:
    """Make a picked comparison the rater's: the key of its offer, None when its place is gone."""
    counts = (
        rater.kind is RaterKind.HUMAN
        and picked.kind is ItemKind.PLAIN
        and picked.purpose is Purpose.LABEL
    )
    if counts and not _take(session, campaign_id, picked.item_id):
        return None
    row = {
        "campaign_id": campaign_id,
        "item_id": picked.item_id,
        "rater_id": rater.id,
        "purpose": picked.purpose,
        "state": AssignmentState.RESERVED,
        "counts": counts,
        "lease_until": clock() + lease_s,
        "tab": tab,
    }
    before = session.scalars(
        select(Assignment).where(
            Assignment.rater_id == rater.id,
            Assignment.item_id == picked.item_id,
            Assignment.purpose == picked.purpose,
        )
    ).one_or_none()
    if before is not None:  # its lease had run out: the same pair, under the same key
        _run(session, update(Assignment).where(Assignment.id == before.id).values(row))
        return before.offer_key
    flipped = draw.random() < 0.5 if picked.flipped is None else picked.flipped
    shown = offer(session, rater.id, picked.comparison_id, flipped=flipped, purpose=picked.purpose)
    row |= {"offer_key": shown.key, "flagged": False, "created_at": now()}
    session.execute(insert(session, Assignment).values(row))
    return shown.key


def _take(session: Session, campaign_id: int, item_id: int) -> bool:
    """Take one place of an item and of the campaign's budget, if both have one."""
    item = update(CampaignItem).where(CampaignItem.id == item_id, _OPEN)
    if not _run(session, item.values(n_taken=CampaignItem.n_taken + 1)):
        return False
    within = (Campaign.budget.is_(None)) | (Campaign.n_taken < Campaign.budget)
    campaign = update(Campaign).where(Campaign.id == campaign_id, within)
    if _run(session, campaign.values(n_taken=Campaign.n_taken + 1)):
        return True
    back = update(CampaignItem).where(CampaignItem.id == item_id)
    _run(session, back.values(n_taken=CampaignItem.n_taken - 1))
    return False


def _give_back(session: Session, assignment: Assignment) -> None:
    """Free the place of a comparison that was reserved, for whoever asks next."""
    n = int(assignment.counts)
    if n:
        item = update(CampaignItem).where(CampaignItem.id == assignment.item_id)
        _run(session, item.values(n_taken=CampaignItem.n_taken - 1))
    campaign = update(Campaign).where(Campaign.id == assignment.campaign_id)
    _run(
        session,
        campaign.values(n_taken=Campaign.n_taken - n, n_returned=Campaign.n_returned + 1),
    )


def _count(session: Session, assignment: Assignment, n: int) -> None:
    """Count a decision, or take it back (`n` is −1), where it counts."""
    if assignment.counts:
        campaign = update(Campaign).where(Campaign.id == assignment.campaign_id)
        _run(session, campaign.values(n_done=Campaign.n_done + n))
    progress.add(
        session,
        assignment.campaign_id,
        assignment.rater_id,
        n_done=n if assignment.purpose is Purpose.LABEL else 0,
        n_practised=n if assignment.purpose is Purpose.PRACTICE else 0,
    )


def _held(
    session: Session, campaign_id: int, rater_id: int, tab: str | None, have: Collection[str]
) -> list[str]:
    """Keys of what the rater was given and has not answered, oldest first."""
    open_ones = (
        select(Assignment.offer_key)
        .where(Assignment.rater_id == rater_id, Assignment.campaign_id == campaign_id, _RESERVED)
        .order_by(Assignment.id)
    )
    if tab is not None:
        open_ones = open_ones.where(Assignment.tab == tab)
    return [key for key in session.scalars(open_ones) if key not in have]


def _renew(session: Session, rater_id: int, keys: Collection[str], lease_s: float) -> None:
    if keys:
        own = update(Assignment).where(
            Assignment.rater_id == rater_id, Assignment.offer_key.in_(keys), _RESERVED
        )
        _run(session, own.values(lease_until=clock() + lease_s))


def _open_campaign(session: Session, campaign_id: int) -> Campaign:
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise Conflict(f"Campaign {campaign_id} is not in this database; choose another one.")
    if campaign.state is not CampaignState.OPEN:
        raise Conflict(f"The campaign {campaign.name!r} is {campaign.state.value}; choose another.")
    return campaign


def _locked(session: Session, rater_id: int) -> Rater:
    """The rater, held to the end of the transaction: two tabs of one person are served in turn."""
    return session.scalars(
        select(Rater).where(Rater.id == rater_id).with_for_update(key_share=True)
    ).one()


def _run(session: Session, statement: Any) -> int:
    """Carry out an UPDATE without looking for loaded rows it touches; how many it changed."""
    done: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)
