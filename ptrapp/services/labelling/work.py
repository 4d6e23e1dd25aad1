"""Counts the labels that were done in campaigns, by day and by rater, from rows kept in memory.

The rows are those of `read_work`, (n, 6).
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from db.labelling import work_done
from db.labelling.work_done import WorkColumn as At
from db.storage.session import Session

_DAY = 24 * 60
_FIRST = date(1970, 1, 1)


class Contributor(NamedTuple):
    """What one rater did in a campaign."""

    name: str
    n_done: int
    n_skipped: int
    n_flagged: int
    last_at: datetime | None
    """When the last label was given, to the minute."""


def counted_by_day(rows: np.ndarray, campaign_id: int) -> dict[date, int]:
    """Returns the labels that count for a campaign's progress, by day in UTC."""
    counted = rows[(rows[:, At.CAMPAIGN] == campaign_id) & (rows[:, At.COUNTS] == 1)]
    days, n = np.unique(counted[:, At.MINUTE] // _DAY, return_counts=True)
    return {
        _FIRST + timedelta(days=day): of_day
        for day, of_day in zip(days.tolist(), n.tolist(), strict=True)
    }


def last_days(rows: np.ndarray, today: date, n_days: int) -> dict[int, tuple[list[int], int]]:
    """Returns, by campaign id, the labels done on each of `n_days` days and by how many people.

    They are those that count for a campaign's progress: neither gold nor a judge's. The days are in
    order and `today` is the last one. Campaigns without labels are missing.
    """
    rows = rows[rows[:, At.COUNTS] == 1]
    since = (today - _FIRST).days - n_days + 1
    ago = rows[:, At.MINUTE] // _DAY - since
    rows, ago = rows[(ago >= 0) & (ago < n_days)], ago[(ago >= 0) & (ago < n_days)]
    found = {}
    for campaign in np.unique(rows[:, At.CAMPAIGN]).tolist():
        own = rows[:, At.CAMPAIGN] == campaign
        days = np.bincount(ago[own], minlength=n_days).tolist()
        found[campaign] = days, len(np.unique(rows[own, At.RATER]))
    return found


def contributors(session: Session, rows: np.ndarray, campaign_id: int) -> list[Contributor]:
    """Returns those who labelled in a campaign, the busiest first."""
    own = rows[rows[:, At.CAMPAIGN] == campaign_id]
    flagged = work_done.flagged_by(session, campaign_id)
    people = []
    for rater_id, name, n_done, n_skipped in work_done.people_in(session, campaign_id):
        minutes = own[own[:, At.RATER] == rater_id, At.MINUTE]
        last = datetime.fromtimestamp(int(minutes.max()) * 60, UTC) if len(minutes) else None
        people.append(Contributor(name, n_done, n_skipped, flagged.get(rater_id, 0), last))
    return people
