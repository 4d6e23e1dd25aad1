"""Reads everything that the Campaigns page lists: progress, and the sources of new campaigns."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from db.labelling import campaigns, candidates, hidden_items
from db.models import Campaign
from db.registry import adapters
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import work

N_DAYS = 14


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One campaign and how far it is."""

    id: int
    name: str
    aspect: str
    state: str
    guidelines: str
    overlap: int
    budget: int | None
    mix: dict[str, float]
    reveal: bool
    n_practice: int
    settings: dict[str, Any]
    n_items: int
    n_wanted: int
    """Labels wanted: the sum of its comparisons' overlaps, or the budget where that is less."""
    n_taken: int
    """Labels that are done or reserved by a rater."""
    n_done: int
    days: list[int]
    """Labels of each of the last days in UTC, today last, as `n_done` counts them."""
    n_active: int
    """People who labelled in these days."""
    created_at: datetime
    deadline: datetime | None
    hidden: str = ""
    """Why none of its pairs is shown, `undone` or `deleted`; empty where some are."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Judges, imports and versions by which a campaign's pairs can be chosen."""

    judges: list[str]
    """Judges that have scored candidates."""
    imports: list[str]
    versions: list[str]


@dataclass(frozen=True, slots=True)
class CampaignPanel:
    campaigns: list[CampaignRow]
    """Newest first."""
    sources: Sources

    def as_json(self) -> dict[str, Any]:
        """Returns plain values; times are ISO 8601."""
        values = asdict(self)
        for row in values["campaigns"]:
            row["created_at"] = row["created_at"].isoformat()
            row["deadline"] = row["deadline"] and row["deadline"].isoformat()
        return values


def read_panel(context: AppContext, today: date | None = None) -> CampaignPanel:
    """Returns the panel as it is now."""
    today = today or datetime.now(UTC).date()
    with context.database.read() as session:
        days = work.last_days(context.work.current(session), today, N_DAYS)
        found = campaigns.listing(session)
        hidden = hidden_items.all_hidden(session, [row.id for row in found])
        rows = [
            _row(row, *days.get(row.id, ([0] * N_DAYS, 0)), hidden.get(row.id, "")) for row in found
        ]
        sources = Sources(
            candidates.scoring_judges(session),
            candidates.import_sources(session),
            [row.name for row in adapters.listing(session)] + ["base"],
        )
    return CampaignPanel(rows, sources)


def read_row(context: AppContext, campaign_id: int, today: date | None = None) -> CampaignRow:
    """Returns one campaign as it is now. Raises `Missing`."""
    today = today or datetime.now(UTC).date()
    with context.database.read() as session:
        row = campaigns.find(session, campaign_id)
        days = work.last_days(context.work.current(session), today, N_DAYS)
        hidden = hidden_items.all_hidden(session, [row.id]).get(row.id, "")
        return _row(row, *days.get(row.id, ([0] * N_DAYS, 0)), hidden)


def _row(campaign: Campaign, days: list[int], n_active: int, hidden: str) -> CampaignRow:
    return CampaignRow(
        id=campaign.id,
        name=campaign.name,
        aspect=campaign.aspect.value,
        state=campaign.state.value,
        guidelines=campaign.guidelines,
        overlap=campaign.overlap,
        budget=campaign.budget,
        mix=campaign.mix,
        reveal=campaign.reveal,
        n_practice=campaign.n_practice,
        settings=campaign.settings,
        n_items=campaign.n_items,
        n_wanted=n_wanted(campaign),
        n_taken=campaign.n_taken,
        n_done=campaign.n_done,
        days=days,
        n_active=n_active,
        created_at=campaign.created_at,
        deadline=campaign.deadline,
        hidden=str(hidden),
    )


def n_wanted(campaign: Campaign) -> int:
    """Returns the labels that a campaign wants: all its slots, or the budget where that is less."""
    return campaign.n_slots if campaign.budget is None else min(campaign.n_slots, campaign.budget)
