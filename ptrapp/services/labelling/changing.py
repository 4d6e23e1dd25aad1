"""Changes a campaign that exists: its name, its deadline, and a second one of the same plan."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from db.labelling import campaigns as rows
from db.models import Campaign
from db.storage.session import Session
from ptrapp.core.errors import InputError
from ptrapp.services.context import DataContext
from ptrapp.services.labelling import campaigns
from ptrapp.services.labelling.campaigns import MAX_NAME, CampaignPlan, Mix, rules_of_name
from ptrapp.services.labelling.candidates import Source, SourceKind


def rename(context: DataContext, campaign_id: int, name: str) -> str:
    """Returns the name as it is stored. Raises `Conflict` for one in use."""
    wanted = " ".join(name.split())
    if wrong := [rule for rule, holds in rules_of_name(wanted).items() if not holds]:
        raise InputError(f"A campaign cannot be called that: {'; '.join(wrong)}.")
    with context.database.write() as session:
        campaign = rows.find(session, campaign_id)
        rows.check_name(session, wanted, of=campaign_id)
        campaign.name = wanted
    return wanted


def set_deadline(context: DataContext, campaign_id: int, deadline: datetime | None) -> None:
    """Stores when the labels are wanted; a time without a zone is in UTC. None removes it."""
    if deadline is not None and deadline.tzinfo is None:
        deadline = deadline.replace(tzinfo=UTC)
    with context.database.write() as session:
        rows.find(session, campaign_id).deadline = deadline


def day_of(text: str) -> datetime | None:
    """Returns the day that somebody wrote, at midnight in UTC; None for nothing. Raises
    `InputError`.

    >>> day_of("2026-12-31")
    datetime.datetime(2026, 12, 31, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if not text.strip():
        return None
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(f"{text!r} is no day; write it as 2026-12-31.") from None


def duplicate(context: DataContext, campaign_id: int, name: str = "") -> int:
    """Makes a campaign of the same plan, whose pairs are chosen anew. Returns its id.

    Without a name it is called like the first one, with the next free number.
    """
    with context.database.read() as session:
        first = rows.find(session, campaign_id)
        plan = _plan_of(first, name or _next_name(session, first.name))
    return campaigns.create(context, plan)


def _plan_of(campaign: Campaign, name: str) -> CampaignPlan:
    return CampaignPlan(
        name=name,
        aspect=campaign.aspect.value,
        source=_source_of(campaign.settings.get("source", {})),
        guidelines=campaign.guidelines,
        overlap=campaign.overlap,
        budget=campaign.budget,
        mix=Mix(**{one: float(campaign.mix.get(one, 0.0)) for one in Mix.__slots__}),
        reveal=campaign.reveal,
        n_practice=campaign.n_practice,
    )


def _source_of(stored: dict[str, Any]) -> Source:
    """Returns how the pairs were chosen; one that says nothing of it began empty."""
    if "kind" not in stored:
        return Source(SourceKind.NONE)
    known = {one: value for one, value in stored.items() if one in Source.__slots__}
    one, other = known.get("versions", ("", ""))
    return Source(**(known | {"kind": SourceKind(stored["kind"]), "versions": (one, other)}))


def _next_name(session: Session, name: str) -> str:
    taken = {row.name for row in (*rows.listing(session), *rows.deleted(session))}
    names = (f"{name[: MAX_NAME - 8]} {number}" for number in count(2))
    return next(one for one in names if one not in taken)
