"""Reads the comparisons of a campaign that a judge labels, and its votes on them.

As for people, thoughts are read from their rows only where thoughts are compared.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.labelling.comparisons import compared
from db.labelling.hidden_items import is_offered
from db.models import (
    Aspect,
    CampaignItem,
    Comparison,
    ItemKind,
    Outcome,
    Prompt,
    Purpose,
    Round,
    Vote,
)

_JUDGED = CampaignItem.kind != ItemKind.PRACTICE


class ToJudge(NamedTuple):
    """A comparison as it is stored: left is the lower id."""

    comparison_id: int
    aspect: Aspect
    prompt_id: int
    prompt: str
    context: list[dict[str, str]]
    reference_answer: str | None
    left_id: int
    right_id: int
    left: str
    """What is compared: a response or a thought."""
    right: str


class OpenItem(NamedTuple):
    """A comparison that people may still be assigned, and the judge's vote on it."""

    item_id: int
    left_id: int
    right_id: int
    outcome: Outcome | None
    agreed: bool | None


def unjudged(session: Session, campaign_id: int, rater_id: int) -> list[int]:
    """Returns the comparisons on which the judge has not voted, in the campaign's order."""
    voted = exists().where(_votes_of(rater_id), Vote.supersedes_id.is_(None))
    rows = select(CampaignItem.comparison_id).where(
        CampaignItem.campaign_id == campaign_id, _JUDGED, ~voted, is_offered()
    )
    return list(session.scalars(rows.order_by(CampaignItem.id)))


def count_to_judge(session: Session, campaign_id: int) -> int:
    """Returns how many comparisons of a campaign a judge labels: all but practice."""
    n = select(func.count(CampaignItem.id)).where(CampaignItem.campaign_id == campaign_id, _JUDGED)
    n = n.where(is_offered())
    return session.scalar(n) or 0


def read_pairs(session: Session, comparison_ids: Sequence[int]) -> list[ToJudge]:
    """Returns these comparisons in the order of their ids."""
    left, right = aliased(Round), aliased(Round)
    rows = session.execute(
        select(
            Comparison.id,
            Comparison.aspect,
            Prompt.id,
            Prompt.text,
            Prompt.context,
            Prompt.reference_answer,
            left.id,
            right.id,
            compared(left),
            compared(right),
        )
        .join(Prompt, Prompt.id == Comparison.prompt_id)
        .join(left, left.id == Comparison.left_round_id)
        .join(right, right.id == Comparison.right_round_id)
        .where(Comparison.id.in_(comparison_ids))
        .order_by(Comparison.id)
    )
    return [ToJudge._make(row) for row in rows]


def open_items(session: Session, campaign_id: int, rater_id: int) -> list[OpenItem]:
    """Returns the comparisons that people may still be assigned, with the judge's current vote."""
    rows = session.execute(
        select(
            CampaignItem.id,
            Comparison.left_round_id,
            Comparison.right_round_id,
            Vote.outcome,
            Vote.agreed,
        )
        .join(Comparison, Comparison.id == CampaignItem.comparison_id)
        .outerjoin(Vote, _votes_of(rater_id) & Vote.is_current())
        .where(
            CampaignItem.campaign_id == campaign_id,
            CampaignItem.kind == ItemKind.PLAIN,
            CampaignItem.n_taken < CampaignItem.overlap,
            Comparison.is_shown(),
        )
        .order_by(CampaignItem.id)
    )
    return [OpenItem(*row) for row in rows]


def _votes_of(rater_id: int) -> ColumnElement[bool]:
    return (
        (Vote.comparison_id == CampaignItem.comparison_id)
        & (Vote.rater_id == rater_id)
        & (Vote.purpose == Purpose.LABEL)
    )
