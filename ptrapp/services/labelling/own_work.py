"""What an annotator finds at home: her queues, her pace, how she agrees, her days in a row."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median

from db.labelling import work_done
from db.models import Outcome
from ptrapp.analysis.drift import with_others
from ptrapp.analysis.estimates import Estimate, rate
from ptrapp.analysis.labels import Label
from ptrapp.core.people import Person
from ptrapp.core.types import Choice
from ptrapp.services.context import DataContext
from ptrapp.services.labelling import campaigns, people
from ptrapp.services.labelling.campaigns import CampaignView

_NEEDED = 5


@dataclass(frozen=True, slots=True)
class OwnWork:
    """A rater's work in all campaigns."""

    queues: list[CampaignView]
    """Campaigns that are open, newest first."""
    n_today: int
    n_labels: int
    """In all campaigns, closed ones too. As in each campaign, a pair given again counts again."""
    streak: int
    """Days in a row with a label, up to today or yesterday, in UTC."""
    seconds_each: float | None
    """Median time of the last labels."""
    gold: Estimate
    """Share of right answers to comparisons whose answer is known."""
    others: Estimate
    """Share of labels that say what most of the other raters said."""


def read_own(context: DataContext, person: Person, today: date | None = None) -> OwnWork:
    """Returns the work of a person as of now; zeros for who has not begun."""
    today = today or datetime.now(UTC).date()
    queues = [one for one in campaigns.listing(context, person) if one.state == "open"]
    with context.database.read() as session:
        rater = people.find_row(session, person)
        by_day = work_done.days_of(session, rater.id) if rater else {}
        times = work_done.recent_times(session, rater_id=rater.id) if rater else []
        own = work_done.own_labels(session, rater.id) if rater else []
        ids = [one.comparison_id for one in own if one.gold is None]
        others = work_done.labels_of_others(session, rater.id, ids) if rater and ids else []
    known = [one for one in own if one.gold is not None]
    n_right = sum(one.outcome is one.gold for one in known)
    return OwnWork(
        queues,
        by_day.get(today, 0),
        sum(by_day.values()),
        streak(by_day, today),
        median(times) / 1000 if times else None,
        rate(n_right, len(known), _NEEDED, "checked answers"),
        _with_others([one for one in own if one.gold is None], others),
    )


def streak(days: Collection[date], today: date) -> int:
    """Returns the number of days in a row; one that has not begun today is not broken yet.

    >>> days = [date(2026, 3, 1), date(2026, 3, 2)]
    >>> streak(days, date(2026, 3, 3)), streak(days, date(2026, 3, 4))
    (2, 0)
    """
    last = today if today in days else today - timedelta(days=1)
    n = 0
    while last - timedelta(days=n) in days:
        n += 1
    return n


def _with_others(own: list[work_done.OwnLabel], others: list[tuple[int, Outcome]]) -> Estimate:
    said: dict[int, Counter[Choice]] = {}
    for comparison_id, outcome in others:
        said.setdefault(comparison_id, Counter())[Choice(outcome)] += 1
    same = []
    for one in own:
        mine = Choice(one.outcome)
        all_said = said.get(one.comparison_id, Counter()) + Counter([mine])
        same.append(with_others(Label("", one.comparison_id, mine), all_said))
    known = [one for one in same if one is not None]
    return rate(sum(known), len(known), _NEEDED, "labels that others gave too")
