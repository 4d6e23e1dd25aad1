"""Lists the comparisons of a campaign that raters flagged, and takes flags away."""

from dataclasses import asdict, dataclass
from typing import Any

from db.labelling import adjudications, agreement, campaigns, flags
from ptrapp.services.context import DataContext
from ptrapp.services.labelling.disagreements import MAX_AT_ONCE, Disagreement, judged


@dataclass(frozen=True, slots=True)
class RaisedFlag:
    """A flag, and the comparison with all that raters said of it."""

    id: int
    rater: str
    at: str | None
    """ISO 8601; None where it was raised before this was stored."""
    note: str
    state: str
    """What became of the rater's own turn: `done`, `skipped`, `reserved` …"""
    kind: str
    """`plain`, `gold` or `practice`."""
    comparison: Disagreement


@dataclass(frozen=True, slots=True)
class Flags:
    n: int
    """Number of all flags of the campaign."""
    offset: int
    shown: list[RaisedFlag]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_flags(
    context: DataContext, campaign_id: int, offset: int = 0, limit: int = MAX_AT_ONCE
) -> Flags:
    """Returns a campaign's flags, the newest first. It names raters: for administrators only.

    Raises `Missing`.
    """
    with context.database.read() as session:
        campaign = campaigns.find(session, campaign_id)
        found = flags.of_campaign(session, campaign_id, offset, limit)
        ids = list({one.item.comparison_id for one, _ in found})
        rows = agreement.of_campaign(session, campaign_id, ids)
        votes = {
            vote.id: vote for vote in agreement.votes_on(session, [row.vote_id for row in rows])
        }
        settled = adjudications.of_comparisons(session, adjudications.among(session, ids))
        shown = [
            RaisedFlag(
                one.id,
                rater,
                one.flagged_at.isoformat() if one.flagged_at else None,
                one.note or "",
                one.state.value,
                one.item.kind.value,
                judged(
                    one.item.comparison,
                    campaign.aspect,
                    rows,
                    votes,
                    settled.get(one.item.comparison_id),
                ),
            )
            for one, rater in found
        ]
        return Flags(flags.count(session, campaign_id), offset, shown)


def remove_flag(context: DataContext, campaign_id: int, flag_id: int) -> None:
    """Takes a flag away, once what it says is dealt with. Raises `Missing`."""
    with context.database.write() as session:
        campaigns.find(session, campaign_id)
        flags.take_away(session, campaign_id, flag_id)
