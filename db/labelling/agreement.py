"""Reads the votes on which agreement between raters is measured."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, exists, func, select, union_all
from sqlalchemy.orm import Session, joinedload

from db.models import (
    Aspect,
    Assignment,
    AssignmentState,
    CampaignItem,
    Comparison,
    ItemKind,
    Offer,
    Outcome,
    Purpose,
    Rater,
    RaterKind,
    Round,
    Run,
    Vote,
)


class LabelRow(NamedTuple):
    """A current vote, in terms of the comparison's left and right."""

    vote_id: int
    rater: str
    kind: RaterKind
    comparison_id: int
    outcome: Outcome
    strength: int
    purpose: Purpose
    flipped: bool | None
    """None where a campaign did not draw the sides."""
    agreed: bool | None
    decided_ms: int | None


def of_campaign(session: Session, campaign_id: int) -> list[LabelRow]:
    """Returns the current votes of a campaign without practice, oldest first.

    Judges and imported files are shown no screen: their votes on the campaign's comparisons are
    included wherever they were given.
    """
    shown = (
        select(Vote.id)
        .join(Assignment, Assignment.offer_key == Vote.offer_key)
        .where(Assignment.campaign_id == campaign_id)
    )
    not_shown = (
        select(Vote.id)
        .join(CampaignItem, CampaignItem.comparison_id == Vote.comparison_id)
        .where(
            CampaignItem.campaign_id == campaign_id,
            CampaignItem.kind != ItemKind.PRACTICE,
            Vote.offer_key.is_(None),
        )
    )
    return _rows(session, Vote.id.in_(union_all(shown, not_shown)))


def of_everything(session: Session) -> list[LabelRow]:
    """Returns the current votes on responses that training learns from, and repeats, oldest first.

    A judge's votes on rounds that a job sampled for itself belong to that job and are left out.
    """
    of_a_job = exists().where(
        Round.id == Comparison.left_round_id, Run.id == Round.run_id, Run.job_id.is_not(None)
    )
    counted = ~and_(Rater.kind == RaterKind.JUDGE, of_a_job.correlate(Comparison))
    return _rows(session, and_(Comparison.aspect == Aspect.RESPONSE, counted))


def known_answers(session: Session, campaign_id: int | None = None) -> dict[int, Outcome]:
    """Returns gold answers by comparison id, of a campaign or of all; of several the newest."""
    gold = select(CampaignItem.comparison_id, CampaignItem.gold_outcome).where(
        CampaignItem.kind == ItemKind.GOLD
    )
    if campaign_id is not None:
        gold = gold.where(CampaignItem.campaign_id == campaign_id)
    rows = session.execute(gold.order_by(CampaignItem.id)).all()
    return {comparison: outcome for comparison, outcome in rows if outcome is not None}


def votes_on(session: Session, vote_ids: Collection[int]) -> Sequence[Vote]:
    """Returns these votes with rater, comparison, prompt and both rounds, oldest first."""
    sides = (joinedload(Comparison.left), joinedload(Comparison.right))
    comparison = joinedload(Vote.comparison).options(joinedload(Comparison.prompt), *sides)
    chosen = select(Vote).where(Vote.id.in_(vote_ids)).order_by(Vote.id)
    return session.scalars(chosen.options(joinedload(Vote.rater), comparison)).all()


def labels_by_day(
    session: Session, midnight: datetime, n_days: int
) -> dict[int, tuple[list[int], int]]:
    """Returns, by campaign id, the labels done on each of `n_days` days and the number of raters.

    The days are in order and the last one ends at `midnight`. Campaigns without labels are missing.
    """
    edges = [midnight - timedelta(days=n_days - at) for at in range(n_days + 1)]
    days = [
        func.sum(case((and_(Assignment.done_at >= start, Assignment.done_at < end), 1), else_=0))
        for start, end in pairwise(edges)
    ]
    rows = session.execute(
        select(Assignment.campaign_id, func.count(Assignment.rater_id.distinct()), *days)
        .where(
            Assignment.state == AssignmentState.DONE,
            Assignment.purpose == Purpose.LABEL,
            Assignment.done_at >= edges[0],
            Assignment.done_at < midnight,
        )
        .group_by(Assignment.campaign_id)
    ).all()
    return {campaign: ([int(n) for n in found], int(raters)) for campaign, raters, *found in rows}


def _rows(session: Session, which: ColumnElement[bool]) -> list[LabelRow]:
    found = session.execute(
        select(
            Vote.id,
            Rater.name,
            Rater.kind,
            Vote.comparison_id,
            Vote.outcome,
            Vote.strength,
            Vote.purpose,
            case((Assignment.id.is_not(None), Offer.flipped)),
            Vote.agreed,
            Vote.decided_ms,
        )
        .join(Rater, Rater.id == Vote.rater_id)
        .join(Comparison, Comparison.id == Vote.comparison_id)
        .outerjoin(Offer, Offer.key == Vote.offer_key)
        .outerjoin(Assignment, Assignment.offer_key == Vote.offer_key)
        .where(
            Vote.is_current(),
            Vote.purpose.in_((Purpose.LABEL, Purpose.REPEAT)),
            which,
        )
        .order_by(Vote.id)
    )
    return [LabelRow(*row) for row in found]
