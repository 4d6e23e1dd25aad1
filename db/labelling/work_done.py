"""Reads how much was labelled when, by whom and how fast, in a campaign or by a rater."""

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Exists, Select, bindparam, case, exists, func, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.elements import SQLCoreOperations

from db.labelling.hidden_items import is_offered
from db.models import (
    Assignment,
    AssignmentState,
    CampaignItem,
    CampaignRater,
    ItemKind,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Vote,
)

_DONE = (Assignment.state == AssignmentState.DONE, Assignment.purpose == Purpose.LABEL)


class OwnLabel(NamedTuple):
    """A rater's current label, with what is known of its comparison."""

    comparison_id: int
    outcome: Outcome
    gold: Outcome | None


class Contributor(NamedTuple):
    """What one rater did in a campaign."""

    name: str
    n_done: int
    n_skipped: int
    n_flagged: int
    last_at: datetime | None


def counted_by_date(session: Session, campaign_id: int) -> dict[date, int]:
    """Returns the labels that count for a campaign's progress, by day in UTC."""
    wanted = select(func.date(Assignment.done_at), func.count(Assignment.id)).where(
        *_DONE, Assignment.campaign_id == campaign_id, Assignment.counts
    )
    return _by_date(session, wanted)


def days_of(session: Session, rater_id: int) -> dict[date, int]:
    """Returns the labels of a rater in all campaigns, by day in UTC."""
    wanted = select(func.date(Assignment.done_at), func.count(Assignment.id)).where(
        *_DONE, Assignment.rater_id == rater_id
    )
    return _by_date(session, wanted)


def recent_times(
    session: Session, *, campaign_id: int | None = None, rater_id: int | None = None, n: int = 200
) -> list[int]:
    """Returns the milliseconds that the last `n` timed votes took, of a campaign or of a rater."""
    wanted = select(Vote.decided_ms).where(
        Vote.decided_ms.is_not(None), Vote.purpose == Purpose.LABEL
    )
    if rater_id is not None:
        wanted = wanted.where(Vote.rater_id == rater_id)
    if campaign_id is not None:
        wanted = wanted.join(Assignment, Assignment.offer_key == Vote.offer_key).where(
            Assignment.campaign_id == campaign_id
        )
    return [
        ms for ms in session.scalars(wanted.order_by(Vote.id.desc()).limit(n)) if ms is not None
    ]


def contributors(session: Session, campaign_id: int) -> list[Contributor]:
    """Returns those who labelled in a campaign, the busiest first."""
    seen = (
        select(
            Assignment.rater_id,
            func.max(Assignment.done_at).label("last_at"),
            func.sum(case((Assignment.flagged, 1), else_=0)).label("n_flagged"),
        )
        .where(Assignment.campaign_id == campaign_id)
        .group_by(Assignment.rater_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Rater.name,
            CampaignRater.n_done,
            CampaignRater.n_skipped,
            func.coalesce(seen.c.n_flagged, 0),
            seen.c.last_at,
        )
        .join(Rater, Rater.id == CampaignRater.rater_id)
        .outerjoin(seen, seen.c.rater_id == CampaignRater.rater_id)
        .where(CampaignRater.campaign_id == campaign_id)
        .order_by(CampaignRater.n_done.desc(), Rater.name)
    )
    return [Contributor(*row) for row in rows]


def n_people(session: Session, campaign_id: int) -> int:
    """Returns how many people have labelled, skipped or been given something in a campaign."""
    people = (
        select(func.count())
        .select_from(CampaignRater)
        .join(Rater, Rater.id == CampaignRater.rater_id)
        .where(CampaignRater.campaign_id == campaign_id, Rater.kind == RaterKind.HUMAN)
    )
    return session.scalar(people) or 0


def givable(session: Session, campaign_id: int, n_people: int) -> int:
    """Returns how many of the labels that a campaign still wants its own people can give.

    Each gives one of a pair once. All pairs are looked through.
    """
    over = Assignment.counts & Assignment.state.in_(
        (AssignmentState.DONE, AssignmentState.SKIPPED, AssignmentState.LATE)
    )
    wanted = CampaignItem.overlap - func.sum(
        case((over & (Assignment.state == AssignmentState.DONE), 1), else_=0)
    )
    voted = _voted_elsewhere(CampaignRater.rater_id)
    n_voted = (
        select(func.count())
        .select_from(CampaignRater)
        .where(CampaignRater.campaign_id == CampaignItem.campaign_id, voted)
        .correlate(CampaignItem)
        .scalar_subquery()
    )
    others = n_people - func.sum(case((over, 1), else_=0)) - n_voted
    of_items = (
        select(wanted.label("wanted"), others.label("others"))
        .outerjoin(Assignment, Assignment.item_id == CampaignItem.id)
        .where(
            CampaignItem.campaign_id == campaign_id,
            CampaignItem.kind == ItemKind.PLAIN,
            is_offered(),
        )
        .group_by(CampaignItem.id, CampaignItem.overlap)
        .subquery()
    )
    fewer = case(
        (of_items.c.wanted < of_items.c.others, of_items.c.wanted), else_=of_items.c.others
    )
    can = select(func.coalesce(func.sum(case((fewer > 0, fewer), else_=0)), 0))
    return session.scalar(can) or 0


def voted_elsewhere(session: Session, rater_id: int, campaign_ids: list[int]) -> dict[int, int]:
    """Returns how many pairs of each campaign a rater is not given for a vote given elsewhere."""
    voted = _voted_elsewhere(bindparam("rater"))
    pairs = (
        select(CampaignItem.campaign_id, func.count(CampaignItem.id))
        .where(
            CampaignItem.campaign_id.in_(campaign_ids), CampaignItem.kind == ItemKind.PLAIN, voted
        )
        .group_by(CampaignItem.campaign_id)
    )
    return dict(session.execute(pairs, {"rater": rater_id}).tuples().all())


def _voted_elsewhere(rater_id: SQLCoreOperations[int]) -> Exists:
    """Returns the condition that a rater voted on a pair that the campaign had not given."""
    mine = aliased(Assignment)
    outer = (CampaignItem, CampaignRater)
    given = (
        exists()
        .where(
            mine.rater_id == rater_id,
            mine.item_id == CampaignItem.id,
            mine.purpose == Purpose.LABEL,
            mine.state != AssignmentState.EXPIRED,
        )
        .correlate(*outer)
    )
    elsewhere = exists().where(
        # found by its comparison: a rater has many, and nearly all supersede none
        Vote.rater_id + 0 == rater_id,
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == Purpose.LABEL,
        (Vote.supersedes_id + 0).is_(None),
        ~given,
    )
    return elsewhere.correlate(*outer)


def labelled_elsewhere(session: Session, campaign_id: int) -> int:
    """Returns how many pairs that a campaign still wants labels of have some that it did not ask
    for: from Play, another campaign or a file."""
    asked_here = exists().where(
        Assignment.offer_key == Vote.offer_key, Assignment.campaign_id == campaign_id
    )
    elsewhere = exists().where(
        Vote.comparison_id == CampaignItem.comparison_id,
        Vote.purpose == Purpose.LABEL,
        Vote.is_current(),
        ~asked_here,
    )
    pairs = select(func.count(CampaignItem.id)).where(
        CampaignItem.campaign_id == campaign_id,
        CampaignItem.kind == ItemKind.PLAIN,
        CampaignItem.n_taken < CampaignItem.overlap,
        is_offered(),
        elsewhere,
    )
    return session.scalar(pairs) or 0


def reserved(session: Session, rater_id: int) -> dict[int, int]:
    """Returns the number of counted comparisons that a rater has reserved, by campaign id."""
    rows = session.execute(
        select(Assignment.campaign_id, func.count(Assignment.id))
        .where(
            Assignment.rater_id == rater_id,
            Assignment.state == AssignmentState.RESERVED,
            Assignment.counts,
        )
        .group_by(Assignment.campaign_id)
    )
    return dict(rows.tuples().all())


def own_labels(session: Session, rater_id: int, n: int = 500) -> list[OwnLabel]:
    """Returns a rater's last `n` current labels in campaigns, newest first."""
    rows = session.execute(
        select(Vote.comparison_id, Vote.outcome, CampaignItem.gold_outcome)
        .join(Assignment, Assignment.offer_key == Vote.offer_key)
        .join(CampaignItem, CampaignItem.id == Assignment.item_id)
        .where(
            Vote.rater_id == rater_id,
            Vote.purpose == Purpose.LABEL,
            Vote.is_current(),
            CampaignItem.kind != ItemKind.PRACTICE,
        )
        .order_by(Vote.id.desc())
        .limit(n)
    )
    return [OwnLabel(*row) for row in rows]


def labels_of_others(
    session: Session, rater_id: int, comparison_ids: list[int]
) -> list[tuple[int, Outcome]]:
    """Returns what other raters said of these comparisons, a judge's doubts left out."""
    rows = session.execute(
        select(Vote.comparison_id, Vote.outcome).where(
            Vote.comparison_id.in_(comparison_ids),
            Vote.rater_id != rater_id,
            Vote.purpose == Purpose.LABEL,
            Vote.is_current(),
            Vote.agreed.is_distinct_from(False),
        )
    )
    return list(rows.tuples().all())


def _by_date(session: Session, wanted: Select[Any]) -> dict[date, int]:
    """Returns counts by day; SQLite gives a day as text."""
    rows = session.execute(wanted.group_by(func.date(Assignment.done_at))).all()
    return {
        date.fromisoformat(day) if isinstance(day, str) else day: n
        for day, n in rows
        if day is not None
    }
