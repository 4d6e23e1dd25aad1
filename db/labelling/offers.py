"""Reads which thoughts, offers and votes a rater has in one run, and dismisses offers.

The board of a run is read many times a second while it is written, so the statements are built
once.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from db.models import (
    Aspect,
    Assignment,
    Comparison,
    DataChange,
    Offer,
    Outcome,
    Pin,
    Rater,
    RaterKind,
    Reveal,
    Round,
    Run,
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
_LOOK = select(
    Run.state,
    Run.message,
    Run.title,
    Run.starred,
    Run.deleted_at,
    select(func.count(Round.id)).where(Round.run_id == Run.id).scalar_subquery(),
    select(func.max(DataChange.id)).scalar_subquery(),
    select(Rater.id).where(Rater.uid == bindparam("uid")).scalar_subquery().label("rater_id"),
    select(Pin.id)
    .where(Pin.prompt_id == Run.prompt_id, Pin.removed_at.is_(None))
    .scalar_subquery()
    .label("pin_id"),
    exists().where(_within()).label("is_compared"),
).where(Run.id == bindparam("run_id"))
_N_STAMPS = 7


class Look(NamedTuple):
    """What a look at a run finds before anything of it is read."""

    stamp: tuple[object, ...] = ()
    """Differs as soon as the run's row or rounds do, or anything stored was changed by hand."""
    rater_id: int | None = None
    """Of who looks; None for who has not rated yet."""
    pin_id: int | None = None
    """The pin of its prompt."""
    is_compared: bool = False
    """Whether any pair has a round of the run, offered or judged."""


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


def look(session: Session, run_id: int, uid: str) -> Look:
    """Looks at a run for the rater of this identity, in one statement."""
    row = session.execute(_LOOK, {"run_id": run_id, "uid": uid}).one_or_none()
    if row is None:
        return Look()
    return Look(tuple(row[:_N_STAMPS]), row.rater_id, row.pin_id, row.is_compared)


def judged_of_run(session: Session, run_id: int) -> Sequence[Vote]:
    """Returns the judges' current votes on comparisons of the run, with rater and comparison."""
    return session.scalars(_JUDGED, {"run_id": run_id}).all()


def dismiss(session: Session, rater_id: int, offer_key: str) -> None:
    """Dismisses an offer without a vote. An unknown key or another rater's does nothing."""
    offer = session.get(Offer, offer_key)
    if offer and offer.rater_id == rater_id:
        offer.dismissed = True
