"""Reads the votes on which agreement between raters is measured."""

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, case, exists, func, select, union_all
from sqlalchemy.orm import Session, joinedload

from db.labelling.weighed_votes import SAYS
from db.models import (
    Aspect,
    Assignment,
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


def of_campaign(
    session: Session, campaign_id: int, comparisons: Collection[int] | None = None
) -> list[LabelRow]:
    """Returns the current votes of a campaign, or on some of it, without practice, oldest first.

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
    if comparisons is not None:  # inside, or all of the campaign would be gone through first
        chosen = Vote.comparison_id.in_(comparisons)
        shown, not_shown = shown.where(chosen), not_shown.where(chosen)
    return _rows(session, Vote.id.in_(union_all(shown, not_shown)))


def of_everything(session: Session) -> list[LabelRow]:
    """Returns the current votes on responses that training learns from, and repeats, oldest first.

    A judge's votes on rounds that a job sampled for itself belong to that job and are left out.
    """
    return _rows(session, _of_everything())


def _of_everything() -> ColumnElement[bool]:
    of_a_job = exists().where(
        Round.id == Comparison.left_round_id, Run.id == Round.run_id, Run.job_id.is_not(None)
    )
    counted = ~and_(Rater.kind == RaterKind.JUDGE, of_a_job.correlate(Comparison))
    return and_(Comparison.aspect == Aspect.RESPONSE, counted)


class NumberColumn(IntEnum):
    """The columns of `read_numbers`; −1 stands for what is missing."""

    VOTE = 0
    COMPARISON = 1
    RATER = 2
    OUTCOME = 3
    """As in `SAYS`."""
    STRENGTH = 4
    REPEAT = 5
    FLIPPED = 6
    AGREED = 7
    DECIDED_MS = 8
    CAMPAIGN = 9
    """The one in which it was given."""
    SHOWN = 10
    """0 for a judge's vote and an imported one: they count in every campaign with the pair."""
    LEARNT = 11
    """Whether `of_everything` has it."""


def read_numbers(session: Session, comparisons: Collection[int] | None) -> Iterable[Row[Any]]:
    """Returns every label as whole numbers, of these comparisons or of all, oldest first."""
    flipped = case((Assignment.id.is_not(None), _number(Offer.flipped)), else_=-1)
    rows = _labels(
        Vote.id,
        Vote.comparison_id,
        Vote.rater_id,
        case(*((Vote.outcome == outcome, n) for outcome, n in SAYS.items())),
        Vote.strength,
        case((Vote.purpose == Purpose.REPEAT, 1), else_=0),
        func.coalesce(flipped, -1),
        func.coalesce(_number(Vote.agreed), -1),
        func.coalesce(Vote.decided_ms, -1),
        func.coalesce(Assignment.campaign_id, -1),
        case((Vote.offer_key.is_(None), 0), else_=1),
        case((_of_everything(), 1), else_=0),
    )
    if comparisons is not None:
        rows = rows.where(Vote.comparison_id.in_(comparisons))
    return session.execute(rows)


def comparisons_to_label(session: Session, campaign_id: int) -> Sequence[int]:
    """Returns a campaign's comparisons without those on which new raters practise."""
    items = select(CampaignItem.comparison_id).where(
        CampaignItem.campaign_id == campaign_id, CampaignItem.kind != ItemKind.PRACTICE
    )
    return session.scalars(items).all()


def _number(flag: Any) -> Any:
    return case((flag.is_(True), 1), (flag.is_(False), 0))


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


def _rows(session: Session, which: ColumnElement[bool]) -> list[LabelRow]:
    columns = (
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
    return [LabelRow(*row) for row in session.execute(_labels(*columns).where(which))]


def _labels(*columns: Any) -> Select[Any]:
    """Returns the query of these columns of every label and every repeat, oldest first."""
    return (
        select(*columns)
        .join(Rater, Rater.id == Vote.rater_id)
        .join(Comparison, Comparison.id == Vote.comparison_id)
        .outerjoin(Offer, Offer.key == Vote.offer_key)
        .outerjoin(Assignment, Assignment.offer_key == Vote.offer_key)
        .where(Vote.is_current(), Vote.purpose.in_((Purpose.LABEL, Purpose.REPEAT)))
        .order_by(Vote.id)
    )
