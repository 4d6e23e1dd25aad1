"""Reads which thoughts, offers and votes a rater has in one run, and dismisses offers."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, or_, select, true
from sqlalchemy.orm import Session

from db.models import (
    Aspect,
    Assignment,
    Comparison,
    Offer,
    Outcome,
    Rater,
    RaterKind,
    Reveal,
    Round,
    Vote,
)


def revealed(session: Session, rater_id: int, run_id: int) -> frozenset[int]:
    """Returns the ids of the run's rounds whose thought was revealed to this rater."""
    opened = (
        select(Reveal.round_id)
        .join(Round, Round.id == Reveal.round_id)
        .where(Reveal.rater_id == rater_id, Round.run_id == run_id)
    )
    return frozenset(session.scalars(opened))


def offers_of_run(
    session: Session, rater_id: int, run_id: int, *, of_campaigns: bool
) -> Sequence[tuple[Offer, Vote | None]]:
    """Returns the rater's comparisons in the run, oldest first, each with its current vote.

    Of several offers of one comparison only the newest counts; a dismissed or undone one is left
    out. A campaign's offers belong to its own page and are included only with `of_campaigns`.
    """
    rows = session.execute(
        select(Offer, Vote)
        .join(Comparison, Comparison.id == Offer.comparison_id)
        .outerjoin(Vote, (Vote.offer_key == Offer.key) & (Vote.outcome != Outcome.WITHDRAWN))
        .where(
            Offer.rater_id == rater_id,
            ~Offer.dismissed,
            _within(run_id),
            true() if of_campaigns else ~_given_by_campaign(),
        )
        .order_by(Offer.shown_at, Vote.id)  # a vote that got a reason is a later row
    ).all()
    newest = {offer.comparison_id: (offer, vote) for offer, vote in rows}
    superseded = _superseded(session, [vote.id for _, vote in newest.values() if vote])
    return [
        (offer, vote)
        for offer, vote in newest.values()
        if vote is None or vote.id not in superseded
    ]


def rounds_on_offer(session: Session, rater_id: int, run_id: int) -> frozenset[int]:
    """Returns the ids of the rounds in pairs that this rater has not decided, on any page."""
    return frozenset(
        side
        for shown, vote in offers_of_run(session, rater_id, run_id, of_campaigns=True)
        if vote is None
        for side in (shown.comparison.left_round_id, shown.comparison.right_round_id)
    )


def judged_of_run(session: Session, run_id: int) -> Sequence[Vote]:
    """Returns the judges' current votes on comparisons of the run, with rater and comparison."""
    return session.scalars(
        select(Vote)
        .join(Comparison, Comparison.id == Vote.comparison_id)
        .join(Rater, Rater.id == Vote.rater_id)
        .where(
            Rater.kind == RaterKind.JUDGE,
            Comparison.aspect == Aspect.RESPONSE,
            Vote.is_current(),
            _within(run_id),
        )
        .order_by(Vote.id)
    ).all()


def dismiss(session: Session, rater_id: int, offer_key: str) -> None:
    """Dismisses an offer without a vote. An unknown key or another rater's does nothing."""
    offer = session.get(Offer, offer_key)
    if offer and offer.rater_id == rater_id:
        offer.dismissed = True


def _given_by_campaign() -> ColumnElement[bool]:
    return exists().where(Assignment.offer_key == Offer.key)


def _within(run_id: int) -> ColumnElement[bool]:
    of_run = select(Round.id).where(Round.run_id == run_id)
    return or_(Comparison.left_round_id.in_(of_run), Comparison.right_round_id.in_(of_run))


def _superseded(session: Session, vote_ids: list[int]) -> set[int | None]:
    found = select(Vote.supersedes_id).where(Vote.supersedes_id.in_(vote_ids))
    return set(session.scalars(found))
