"""Assigns a campaign's comparisons to raters: reserved for a time, then done, skipped or expired.

Each function is one short piece of the caller's write transaction. On SQLite there is one writer at
a time; on PostgreSQL the rater's row is locked against a second tab of the same rater, and an item
that another transaction has locked is passed over.
"""

import random
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from db.labelling import rater_progress, slots
from db.labelling.answers import NOT_GIVEN
from db.labelling.comparisons import show
from db.labelling.hidden_items import is_offered
from db.labelling.rater_progress import RaterProgress, read_progress
from db.labelling.raters import hold_rater
from db.labelling.selection import Picked, pick
from db.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    ItemKind,
    Offer,
    Purpose,
    RaterKind,
    now,
)
from db.models.base import fixed
from db.storage.dialects import clock
from db.storage.errors import Conflict, Missing

LEASE_S = 1800.0
"""How long a comparison waits for its rater; every request of the page renews it."""
LEFT_S = 60.0
"""How long it waits once the page is left: one that is loaded again has its comparisons still."""
_EXPIRED_AT_ONCE = 100


class Reserved(NamedTuple):
    """What a rater was assigned: keys of offers, and the rater's progress before the last one."""

    keys: list[str]
    rater: RaterProgress


# Statements are built once, and those of an answer read and write columns: building one takes
# longer than executing it, so does loading an object, and a rater waits for several.
_RESERVED = Assignment.state == fixed(AssignmentState.RESERVED)
_OF_RATER = Assignment.rater_id == bindparam("rater")
_IN_CAMPAIGN = Assignment.campaign_id == bindparam("campaign")
_UNTIL = clock() + bindparam("lease_s")
_UNANSWERED = (
    select(Assignment.offer_key, Assignment.tab)
    .join(CampaignItem, CampaignItem.id == Assignment.item_id)
    .where(_OF_RATER, _IN_CAMPAIGN, _RESERVED, is_offered())
    .order_by(Assignment.id)
)
_EXPIRED = (
    select(Assignment)
    .where(_IN_CAMPAIGN, _RESERVED, Assignment.lease_until < clock())
    .limit(_EXPIRED_AT_ONCE)
    .with_for_update(skip_locked=True, key_share=True)
)
_OWN = aliased(Assignment)
_WITH_OTHERS = select(
    exists()
    .where(_IN_CAMPAIGN, _RESERVED, Assignment.counts, ~_OF_RATER)
    .where(CampaignItem.id == Assignment.item_id, is_offered())
    .where(
        ~exists()
        .where(_OWN.item_id == Assignment.item_id, _OWN.rater_id == bindparam("rater"))
        .where(_OWN.state != fixed(AssignmentState.EXPIRED))
        .correlate(Assignment)
    )
)
_UNDER_KEY = (
    select(Assignment)
    .where(Assignment.offer_key == bindparam("key"))
    .with_for_update(of=Assignment, key_share=True)
)
_EARLIER = select(Assignment.id, Assignment.offer_key).where(
    _OF_RATER,
    Assignment.item_id == bindparam("item_id"),
    Assignment.purpose == bindparam("purpose"),
)
_ASSIGN = insert(Assignment).values(lease_until=_UNTIL)
_ASSIGN_AGAIN = (
    update(Assignment)
    .where(Assignment.id == bindparam("earlier"))
    .values(state=AssignmentState.RESERVED, lease_until=_UNTIL)
)
_RENEW = (
    update(Assignment)
    .where(_OF_RATER, Assignment.offer_key.in_(bindparam("keys", expanding=True)), _RESERVED)
    .values(lease_until=_UNTIL)
)


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
) -> Reserved:
    """Assigns `n` comparisons to a rater, fewer when fewer are left; returns their offers' keys.

    Comparisons that this page (`tab`) was assigned before and does not `have` any more come first,
    so that a page that is loaded again continues. Those of the rater's other pages come last, when
    nothing else is left.
    """
    draw = draw or random.Random()
    hold_rater(session, rater_id)
    rater = read_progress(session, campaign_id, rater_id)
    if rater.has_expired and sweep(session, campaign_id):
        rater = read_progress(session, campaign_id, rater_id)
    unanswered = [each for each in _unanswered(session, rater) if each.offer_key not in have]
    keys = [each.offer_key for each in unanswered if each.tab == tab][:n]
    renew(session, rater_id, [*have, *keys], lease_s)
    while len(keys) < n:
        picked = pick(session, rater, draw)
        key = picked and _assign(session, rater, picked, tab, draw, lease_s)
        if key is None:
            break
        keys.append(key)
        if len(keys) < n:
            rater = read_progress(session, campaign_id, rater_id)
    if not keys:
        keys = [each.offer_key for each in unanswered][:n]
        renew(session, rater_id, keys, lease_s)
    return Reserved(keys, rater)


def skip(session: Session, key: str) -> Assignment:
    """Skips a comparison for good: its slot is free for others, never again for this rater."""
    assignment = _find(session, key)
    match assignment.state:
        case AssignmentState.RESERVED:
            slots.release(session, assignment.campaign_id, [assignment])
        case AssignmentState.DONE | AssignmentState.LATE:
            raise Conflict("This comparison has your vote; undo it to skip the comparison.")
        case AssignmentState.SKIPPED:
            return assignment
    assignment.state = AssignmentState.SKIPPED
    assignment.lease_until, assignment.done_at = None, now()
    session.get_one(Offer, key).dismissed = True
    rater_progress.add(session, assignment.campaign_id, assignment.rater_id, n_skipped=1)
    session.flush()
    return assignment


def sweep(session: Session, campaign_id: int) -> int:
    """Releases the slots of comparisons whose lease expired unanswered. Returns how many."""
    expired = session.scalars(_EXPIRED, {"campaign": campaign_id}).all()
    if expired:
        slots.release(session, campaign_id, expired)
        for assignment in expired:
            assignment.state, assignment.lease_until = AssignmentState.EXPIRED, None
        session.flush()
    return len(expired)


def renew(session: Session, rater_id: int, keys: Collection[str], lease_s: float = LEASE_S) -> None:
    """Reserves a rater's unanswered comparisons for as long from now."""
    if keys:
        named = {"rater": rater_id, "keys": list(keys), "lease_s": lease_s}
        session.connection().execute(_RENEW, named)


def are_with_others(session: Session, campaign_id: int, rater_id: int) -> bool:
    """Returns whether others have comparisons that this rater may still be assigned."""
    named = {"campaign": campaign_id, "rater": rater_id}
    return bool(session.connection().execute(_WITH_OTHERS, named).scalar_one())


def find(session: Session, key: str) -> Assignment | None:
    """Returns the assignment shown under a key, locked to the end of the transaction."""
    return session.scalars(_UNDER_KEY, {"key": key}).one_or_none()


def practice_left(
    session: Session, campaign_id: int, rater_id: int | None, n_practice: int, n_practised: int
) -> int:
    """Returns how many practice comparisons a rater is still given before the work.

    Those that the rater skipped are not given again, and work follows when there are no others.
    """
    wanted = n_practice - n_practised
    if wanted <= 0:
        return 0
    over = exists().where(
        Assignment.item_id == CampaignItem.id,
        Assignment.rater_id == rater_id,
        Assignment.state.in_((AssignmentState.DONE, AssignmentState.SKIPPED)),
    )
    practice = (CampaignItem.campaign_id == campaign_id, CampaignItem.kind == ItemKind.PRACTICE)
    left = select(func.count(CampaignItem.id)).where(*practice, ~over, is_offered())
    return min(wanted, session.scalar(left) or 0)


def _find(session: Session, key: str) -> Assignment:
    found = find(session, key)
    if found is None:
        raise Missing(NOT_GIVEN)
    return found


def _assign(
    session: Session,
    rater: RaterProgress,
    picked: Picked,
    tab: str,
    draw: random.Random,
    lease_s: float,
) -> str | None:
    """Assigns a picked comparison; returns its offer's key, or None when no slot is free."""
    counts = (
        rater.kind is RaterKind.HUMAN
        and picked.kind is ItemKind.PLAIN
        and picked.purpose is Purpose.LABEL
    )
    if counts and not slots.take(session, rater.campaign_id, picked.item_id):
        return None
    connection, rater_id = session.connection(), rater.rater_id
    item = {"item_id": picked.item_id, "purpose": picked.purpose}
    assigned = {"counts": counts, "tab": tab, "lease_s": lease_s}
    earlier = connection.execute(_EARLIER, item | {"rater": rater_id}).one_or_none()
    if earlier is not None:  # its lease had expired: the same pair, under the same key
        connection.execute(_ASSIGN_AGAIN, assigned | {"earlier": earlier.id})
        return str(earlier.offer_key)
    flipped = draw.random() < 0.5 if picked.flipped is None else picked.flipped
    key = show(session, rater_id, picked.comparison_id, flipped=flipped, purpose=picked.purpose)
    names = {"campaign_id": rater.campaign_id, "rater_id": rater_id, "offer_key": key}
    connection.execute(_ASSIGN, item | assigned | names)
    return key


def _unanswered(session: Session, rater: RaterProgress) -> list[Any]:
    """Returns key and page of the rater's unanswered comparisons, oldest first."""
    named = {"campaign": rater.campaign_id, "rater": rater.rater_id}
    return list(session.connection().execute(_UNANSWERED, named))
