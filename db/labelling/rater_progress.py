"""Reads and counts each rater's progress in a campaign."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from db.labelling.raters import unknown_rater
from db.models import (
    Assignment,
    AssignmentState,
    Campaign,
    CampaignRater,
    CampaignState,
    Rater,
    RaterKind,
)
from db.models.base import fixed
from db.storage.dialects import clock, insert
from db.storage.errors import Conflict, Missing

# Statements are built once: building one takes longer than executing it.
_JOINED = (CampaignRater.campaign_id == Campaign.id) & (
    CampaignRater.rater_id == bindparam("rater")
)
_HAS_EXPIRED = exists().where(
    Assignment.campaign_id == Campaign.id,
    Assignment.state == fixed(AssignmentState.RESERVED),
    Assignment.lease_until < clock(),
)
_CAMPAIGN = (
    select(
        Campaign.name,
        Campaign.state,
        Rater.kind,
        Campaign.mix,
        func.coalesce(Campaign.n_taken >= Campaign.budget, False),
        Campaign.n_practice,
        func.coalesce(CampaignRater.n_practised, 0),
        Campaign.n_returned,
        CampaignRater.exhausted_at,
        CampaignRater.least_uncertain,
        func.coalesce(CampaignRater.n_done, 0),
        _HAS_EXPIRED.correlate(Campaign),
    )
    .outerjoin(CampaignRater, _JOINED)
    .outerjoin(Rater, Rater.id == bindparam("rater"))
    .where(Campaign.id == bindparam("campaign"))
)


class RaterProgress(NamedTuple):
    """One rater's progress in one campaign, as far as the next comparison depends on it."""

    campaign_id: int
    rater_id: int
    kind: RaterKind
    mix: dict[str, Any]
    budget_spent: bool
    """Whether the campaign's budget is spent."""
    n_practice: int
    n_practised: int
    n_returned: int
    exhausted_at: int | None
    least_uncertain: float | None
    n_done: int
    has_expired: bool
    """Whether a lease of anybody's in the campaign is over, and its slot not released."""


def read_progress(session: Session, campaign_id: int, rater_id: int) -> RaterProgress:
    """Returns a rater's progress.

    Raises `Missing`, or `Conflict` for a campaign not open and a rater who is not stored.
    """
    named = {"campaign": campaign_id, "rater": rater_id}
    row = session.connection().execute(_CAMPAIGN, named).one_or_none()
    if row is None:
        raise Missing(f"There is no campaign {campaign_id}; choose another one.")
    name, state, kind, *rest = row
    if state is not CampaignState.OPEN:
        raise Conflict(f"The campaign {name!r} is {state.value}; choose another.")
    if kind is None:
        raise unknown_rater(rater_id)
    return RaterProgress(campaign_id, rater_id, kind, *rest)


class Counts(NamedTuple):
    """How much a rater has answered in a campaign, and how much practice precedes the work."""

    n_done: int
    n_skipped: int
    n_practised: int
    n_practice: int
    """Practice comparisons that the campaign begins with."""


_COUNTS = ("n_done", "n_skipped", "n_practised")
_ROW = (CampaignRater.campaign_id == bindparam("campaign")) & (
    CampaignRater.rater_id == bindparam("rater")
)
_READ_COUNTS = (
    select(
        *(func.coalesce(getattr(CampaignRater, name), 0) for name in _COUNTS), Campaign.n_practice
    )
    .outerjoin(CampaignRater, _JOINED)
    .where(Campaign.id == bindparam("campaign"))
)
_OF_ROW = update(CampaignRater).where(_ROW).returning(CampaignRater.n_done)
_ADD = _OF_ROW.values(
    {name: getattr(CampaignRater, name) + bindparam(f"more_{name}") for name in _COUNTS}
)
_LEAST_UNCERTAIN = _OF_ROW.values(least_uncertain=bindparam("reached"))
_EXHAUSTED = _OF_ROW.values(exhausted_at=bindparam("n_returned"))


def of_rater(session: Session, campaign_id: int, rater_id: int) -> Counts:
    """Returns a rater's counts; zeros for one who has not begun."""
    named = {"campaign": campaign_id, "rater": rater_id}
    row: Any = session.connection().execute(_READ_COUNTS, named).one()
    return Counts(*row)


def add(session: Session, campaign_id: int, rater_id: int, **more: int) -> int:
    """Adds to a rater's counts, which begin at zero; returns the number of answers."""
    added = {f"more_{name}": more.get(name, 0) for name in _COUNTS}
    return _change(session, _ADD, campaign_id, rater_id, added)


def set_least_uncertain(
    session: Session, campaign_id: int, rater_id: int, uncertainty: float
) -> None:
    """Stores how far down the order of uncertainty a rater has come."""
    _change(session, _LEAST_UNCERTAIN, campaign_id, rater_id, {"reached": uncertainty})


def set_exhausted(session: Session, campaign_id: int, rater_id: int, n_returned: int) -> None:
    """Stores that nothing is left for a rater until the campaign's `n_returned` grows."""
    _change(session, _EXHAUSTED, campaign_id, rater_id, {"n_returned": n_returned})


def _change(
    session: Session, change: Any, campaign_id: int, rater_id: int, values: dict[str, Any]
) -> int:
    """Changes a rater's row, which is stored at its first change; returns its `n_done`."""
    connection = session.connection()
    values |= {"campaign": campaign_id, "rater": rater_id}
    n_done = connection.execute(change, values).scalar_one_or_none()
    if n_done is not None:
        return int(n_done)
    zeros = dict.fromkeys(_COUNTS, 0)
    row = insert(session, CampaignRater).values(campaign_id=campaign_id, rater_id=rater_id, **zeros)
    connection.execute(row.on_conflict_do_nothing())
    return int(connection.execute(change, values).scalar_one())
