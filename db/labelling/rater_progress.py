"""Who asks for comparisons, in which campaign, and how far: what the choice of one depends on."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.models import Campaign, CampaignRater, CampaignState, RaterKind
from db.storage.errors import Conflict, Missing

# Built once: to build a statement takes longer than to carry it out.
_FAR = (CampaignRater.campaign_id == Campaign.id) & (CampaignRater.rater_id == bindparam("rater"))
_CAMPAIGN = (
    select(
        Campaign.name,
        Campaign.state,
        Campaign.mix,
        func.coalesce(Campaign.n_taken >= Campaign.budget, False),
        Campaign.n_practice,
        func.coalesce(CampaignRater.n_practised, 0),
        Campaign.n_returned,
        CampaignRater.exhausted_at,
        CampaignRater.least_uncertain,
    )
    .outerjoin(CampaignRater, _FAR)
    .where(Campaign.id == bindparam("campaign"))
)


class Asking(NamedTuple):
    """Who asks, in which campaign, and how far he has come."""

    campaign_id: int
    rater_id: int
    kind: RaterKind
    mix: dict[str, Any]
    used_up: bool
    """Whether the campaign's budget is spent."""
    n_practice: int
    n_practised: int
    n_returned: int
    exhausted_at: int | None
    least_uncertain: float | None


def read_asking(session: Session, campaign_id: int, rater_id: int, kind: RaterKind) -> Asking:
    """Who asks for what. Raises `Missing`, or `Conflict` for a campaign that is not open."""
    named = {"campaign": campaign_id, "rater": rater_id}
    row = session.connection().execute(_CAMPAIGN, named).one_or_none()
    if row is None:
        raise Missing(f"There is no campaign {campaign_id}; choose another one.")
    name, state, *rest = row
    if state is not CampaignState.OPEN:
        raise Conflict(f"The campaign {name!r} is {state.value}; choose another.")
    return Asking(campaign_id, rater_id, kind, *rest)
