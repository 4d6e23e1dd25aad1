"""Reads how much was labelled when, by whom and how fast, in a campaign or by a rater."""

from collections.abc import Collection, Iterator
from datetime import date
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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


class WorkColumn(IntEnum):
    """The columns of `read_work`."""

    ASSIGNMENT = 0
    COMPARISON = 1
    CAMPAIGN = 2
    RATER = 3
    MINUTE = 4
    """When it was done, in minutes since 1970 in UTC."""
    COUNTS = 5
    """1 where it counts for the campaign's progress."""


def read_work(session: Session, comparisons: Collection[int] | None) -> Iterator[tuple[int, ...]]:
    """Yields every label that was done in a campaign, of these comparisons or of all.

    Whatever makes or takes back one, or has it count no more, stores a vote on its comparison.
    """
    rows = (
        select(
            Assignment.id,
            CampaignItem.comparison_id,
            Assignment.campaign_id,
            Assignment.rater_id,
            Assignment.done_at,
            Assignment.counts,
        )
        .join(CampaignItem, CampaignItem.id == Assignment.item_id)
        .where(*_DONE, Assignment.done_at.is_not(None))
    )
    if comparisons is not None:
        rows = rows.where(CampaignItem.comparison_id.in_(comparisons))
    for *ids, done_at, counts in session.execute(rows):
        assert done_at is not None
        yield *ids, int(done_at.timestamp()) // 60, int(counts)


def days_of(session: Session, rater_id: int) -> dict[date, int]:
    """Returns the labels of a rater in all campaigns, by day in UTC; repeats too, as `n_done`."""
    day = func.date(Assignment.done_at)
    rows = session.execute(
        select(day, func.count(Assignment.id))
        .where(
            Assignment.state == AssignmentState.DONE,
            Assignment.purpose != Purpose.PRACTICE,
            Assignment.rater_id == rater_id,
            Assignment.done_at.is_not(None),
        )
        .group_by(day)
    )
    # SQLite gives a day as text
    return {date.fromisoformat(at) if isinstance(at, str) else at: n for at, n in rows}


def recent_times(
    session: Session, *, campaign_id: int | None = None, rater_id: int | None = None, n: int = 200
) -> list[int]:
    """Returns the milliseconds that the last `n` timed votes took that stand, of a campaign or of
    a rater."""
    wanted = select(Vote.decided_ms).where(
        Vote.decided_ms.is_not(None), Vote.purpose == Purpose.LABEL, Vote.is_current()
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


def people_in(session: Session, campaign_id: int) -> list[tuple[int, str, int, int]]:
    """Returns id, name, labels and skips of those who labelled in a campaign, the busiest first."""
    rows = session.execute(
        select(Rater.id, Rater.name, CampaignRater.n_done, CampaignRater.n_skipped)
        .join(Rater, Rater.id == CampaignRater.rater_id)
        .where(CampaignRater.campaign_id == campaign_id)
        .order_by(CampaignRater.n_done.desc(), Rater.name)
    )
    return [(rater_id, name, done, skipped) for rater_id, name, done, skipped in rows]


def flagged_by(session: Session, campaign_id: int) -> dict[int, int]:
    """Returns how many pairs of a campaign each rater flagged, by the rater's id."""
    rows = session.execute(
        select(Assignment.rater_id, func.count(Assignment.id))
        .where(Assignment.campaign_id == campaign_id, Assignment.flagged)
        .group_by(Assignment.rater_id)
    )
    return dict(rows.tuples().all())


def n_people(session: Session, campaign_id: int) -> int:
    """Returns how many people have labelled, skipped or been given something in a campaign."""
    people = (
        select(func.count())
        .select_from(CampaignRater)
        .join(Rater, Rater.id == CampaignRater.rater_id)
        .where(CampaignRater.campaign_id == campaign_id, Rater.kind == RaterKind.HUMAN)
    )
    return session.scalar(people) or 0


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
