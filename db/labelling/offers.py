"""Reads which thoughts, offers and votes a rater has in one run, and dismisses offers.

The board of a run is read many times a second while it is written, so the statements are built
once.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, exists, or_, select
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


def _within() -> ColumnElement[bool]:
    of_run = select(Round.id).where(Round.run_id == bindparam("run_id"))
    return or_(Comparison.left_round_id.in_(of_run), Comparison.right_round_id.in_(of_run))


_REVEALED = (
    select(Reveal.round_id)
    .join(Round, Round.id == Reveal.round_id)
    .where(Reveal.rater_id == bindparam("rater_id"), Round.run_id == bindparam("run_id"))
)
_OFFERED = (
    select(
        Offer,
        Vote,
        Vote.is_superseded(),
        exists().where(Assignment.offer_key == Offer.key),
    )
    .join(Comparison, Comparison.id == Offer.comparison_id)
    .outerjoin(Vote, (Vote.offer_key == Offer.key) & (Vote.outcome != Outcome.WITHDRAWN))
    .where(Offer.rater_id == bindparam("rater_id"), ~Offer.dismissed, _within())
    .order_by(Offer.shown_at, Vote.id)  # a vote that got a reason is a later row
)
_JUDGED = (
    select(Vote)
    .join(Comparison, Comparison.id == Vote.comparison_id)
    .join(Rater, Rater.id == Vote.rater_id)
    .where(
        Rater.kind == RaterKind.JUDGE,
        Comparison.aspect == Aspect.RESPONSE,
        Vote.is_current(),
        _within(),
    )
    .order_by(Vote.id)
)
_IS_COMPARED = select(exists().where(_within()))


class OffersOfRun(NamedTuple):
    """What a rater was shown of a run to be compared."""

    own: Sequence[tuple[Offer, Vote | None]] = ()
    """Without those of campaigns, which have a page of their own, oldest first, each with its
    current vote."""
    on_offer: frozenset[int] = frozenset()
    """Ids of the rounds in pairs that this rater has not decided, on any page."""


def revealed(session: Session, rater_id: int, run_id: int) -> frozenset[int]:
    """Returns the ids of the run's rounds whose thought was revealed to this rater."""
    return frozenset(session.scalars(_REVEALED, {"rater_id": rater_id, "run_id": run_id}))


def offers_of_run(session: Session, rater_id: int, run_id: int) -> OffersOfRun:
    """Returns the rater's comparisons in the run.

    Of several offers of one comparison only the newest counts; a dismissed or undone one is left
    out.
    """
    rows = session.execute(_OFFERED, {"rater_id": rater_id, "run_id": run_id}).all()
    anywhere = _newest((offer, vote, undone) for offer, vote, undone, _ in rows)
    return OffersOfRun(
        own=_newest(
            (offer, vote, undone) for offer, vote, undone, of_campaign in rows if not of_campaign
        ),
        on_offer=frozenset(
            side
            for offer, vote in anywhere
            if vote is None
            for side in (offer.comparison.left_round_id, offer.comparison.right_round_id)
        ),
    )


def _newest(
    rows: Iterable[tuple[Offer, Vote | None, bool]],
) -> Sequence[tuple[Offer, Vote | None]]:
    newest = {offer.comparison_id: (offer, vote, undone) for offer, vote, undone in rows}
    return [(offer, vote) for offer, vote, undone in newest.values() if not undone]


def is_compared(session: Session, run_id: int) -> bool:
    """Returns whether any pair has a round of the run, offered or judged."""
    return bool(session.scalar(_IS_COMPARED, {"run_id": run_id}))


def judged_of_run(session: Session, run_id: int) -> Sequence[Vote]:
    """Returns the judges' current votes on comparisons of the run, with rater and comparison."""
    return session.scalars(_JUDGED, {"run_id": run_id}).all()


def dismiss(session: Session, rater_id: int, offer_key: str) -> None:
    """Dismisses an offer without a vote. An unknown key or another rater's does nothing."""
    offer = session.get(Offer, offer_key)
    if offer and offer.rater_id == rater_id:
        offer.dismissed = True
