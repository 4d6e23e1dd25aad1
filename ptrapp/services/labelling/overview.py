"""How far a campaign is: what is left by day, the pace, when it will be done, and its raters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from statistics import median

from db.labelling import campaigns, hidden_items, work_done, work_left
from db.labelling.hidden_items import Hiding
from db.labelling.work_left import LOOKED_THROUGH
from ptrapp.core.counts import counted
from ptrapp.services.context import AppContext
from ptrapp.services.labelling import work
from ptrapp.services.labelling.panel import n_wanted
from ptrapp.services.labelling.work import Contributor

PACE_DAYS = 7
_NEEDED = 5
"""Labels of the last days, for a pace."""
_MOST_DAYS = 400
_NOTHING_LEFT = "Nothing of it is left to label or to train on."


@dataclass(frozen=True, slots=True)
class DayLeft:
    """Labels still wanted at the end of a day, and those done on it."""

    day: date
    left: int
    done: int


@dataclass(frozen=True, slots=True)
class Overview:
    """How far a campaign is."""

    days: list[DayLeft]
    """From the day before the first label to today."""
    n_wanted: int
    n_done: int
    per_day: float | None
    """Labels a day over the last days; None where there are too few."""
    seconds_each: float | None
    """Median time of the last labels."""
    done_on: date | None
    """When the last label that its present people can give is expected at this pace; None on the
    first day, of which only a part has passed."""
    deadline: date | None
    people: list[Contributor]
    n_raters: int = 0
    """People who have begun to label here."""
    n_givable: int = 0
    """Labels that these can still give: nobody labels a pair twice. All that are left in a large
    campaign in which enough people have begun."""
    n_elsewhere: int = 0
    """Pairs still wanted that have labels from elsewhere, which do not count here; 0 in a large
    campaign."""
    overlap: int = 1
    n_pace_days: int = 0
    """Days that `per_day` is the mean of, today included: fewer than seven in the first week."""

    hidden: Hiding | None = None
    """Why none of its pairs is shown; None where some are."""
    is_overdue: bool = False
    """Whether the day of the deadline is over."""

    @property
    def n_for_others(self) -> int:
        """Labels left that need somebody who has not begun; 0 where nobody has."""
        return max(0, self.n_left - self.n_givable) if self.n_raters else 0

    @property
    def n_left(self) -> int:
        return max(0, self.n_wanted - self.n_done)

    @property
    def is_done(self) -> bool:
        return self.n_wanted > 0 and self.n_left == 0 and self.hidden is None


def read_overview(context: AppContext, campaign_id: int, today: date | None = None) -> Overview:
    """Returns the overview as of now. Raises `Missing`."""
    today = today or datetime.now(UTC).date()
    with context.database.read() as session:
        row = campaigns.find(session, campaign_id)
        done = context.work.current(session)
        by_day = work.counted_by_day(done, campaign_id)
        times = work_done.recent_times(session, campaign_id=campaign_id)
        people = work.contributors(session, done, campaign_id)
        wanted, n_done = n_wanted(row), row.n_done
        deadline = row.deadline.date() if row.deadline else None
        hidden = hidden_items.all_hidden(session, [campaign_id]).get(campaign_id)
        left, overlap = max(0, wanted - n_done), row.overlap
        n_people = work_done.n_people(session, campaign_id)
        small = row.n_items <= LOOKED_THROUGH
        n_givable, n_elsewhere = left, 0
        if left and (small or n_people < overlap):
            n_givable = work_left.givable(session, campaign_id, n_people)
        if left and small:
            n_elsewhere = work_left.labelled_elsewhere(session, campaign_id)
    per_day, n_pace_days = _pace(by_day, today)
    can = min(left, n_givable) if n_people else left
    days = ceil(can / per_day) if per_day and can and n_pace_days > 1 else None
    done_on = None if days is None else today + timedelta(days=days)
    each = median(times) / 1000 if times else None
    return Overview(
        _days(by_day, wanted, today),
        wanted,
        n_done,
        per_day,
        each,
        done_on,
        deadline,
        people,
        n_people,
        n_givable,
        min(n_elsewhere, left),
        overlap,
        n_pace_days,
        hidden,
        deadline is not None and deadline < today,
    )


def in_words(view: Overview) -> tuple[str, str]:
    """Returns a heading and a sentence: how far it is, and when it will be done."""
    if view.hidden is Hiding.UNDONE:
        again = "Importing the file again brings its pairs and votes back."
        return "Its import was undone", f"{_NOTHING_LEFT} {again}"
    if view.hidden is Hiding.DELETED:
        return "Its pairs were deleted", _NOTHING_LEFT
    if view.n_wanted == 0:
        return "It has no comparisons yet", "Add some, or let the judge and people label others."
    if view.is_done:
        labels = counted(view.n_wanted, "label is", "labels are")
        return f"Done: all {labels} in", "It can be trained on."
    heading = f"{view.n_left:,} of {counted(view.n_wanted, 'label')} left"
    work = _of_whom(view)
    if view.n_for_others == view.n_left:
        return heading, f"{work.rstrip()}{_due(view)}"
    if view.seconds_each is not None:
        work += f"About {duration(view.n_left * view.seconds_each)} of work. "
    return heading, f"{work}{_when(view)}{_due(view)}"


def _when(view: Overview) -> str:
    """Returns a sentence on when it will be done, or what is needed to tell."""
    if view.per_day is None:
        needed = f"needs {_NEEDED} labels in the last {PACE_DAYS} days"
        return f"When it will be done: not enough data, {needed}."
    if view.done_on is None:
        so_far = counted(round(view.per_day), "label")
        return f"{so_far} so far, all of today: when it will be done is known from tomorrow on."
    pace = f"At {view.per_day:.1f} labels a day (mean of {view.n_pace_days} days)"
    what = "what those who have begun can give is done" if view.n_for_others else "it is done"
    return f"{pace} {what} on {view.done_on:%d %b %Y}."


def _of_whom(view: Overview) -> str:
    """Returns sentences on labels that those who label here cannot give, and on those there are."""
    said = ""
    if view.n_for_others:
        some = "They need" if view.n_for_others == view.n_left else f"{view.n_for_others:,} need"
        wants = counted(view.overlap, "person", "people")
        began = counted(view.n_raters, "person has", "people have")
        said = f"{some} somebody else: each pair wants {wants}, and {began} begun. "
    if view.n_elsewhere:
        pairs = counted(view.n_elsewhere, "pair has", "pairs have")
        said += (
            f"Of those still wanted, {pairs} labels of a file, a judge or another campaign: these "
            "do not count here, and whoever gave them is not asked again. "
        )
    return said


def duration(s: float) -> str:
    """Returns seconds in words.

    >>> duration(50), duration(240), duration(9000)
    ('1 min', '4 min', '2.5 h')
    """
    minutes = max(1, round(s / 60))
    return f"{minutes} min" if minutes < 100 else f"{s / 3600:.1f} h"


def _due(view: Overview) -> str:
    if view.deadline is None:
        return ""
    if view.is_overdue:
        return f" The deadline, {view.deadline:%d %b %Y}, has passed."
    if view.done_on is None or view.n_for_others:
        return f" The deadline is {view.deadline:%d %b %Y}."
    late = (view.done_on - view.deadline).days
    if late <= 0:
        return f" That is in time for the deadline, {view.deadline:%d %b %Y}."
    return f" That is {counted(late, 'day')} after the deadline, {view.deadline:%d %b %Y}."


def _pace(by_day: Mapping[date, int], today: date) -> tuple[float | None, int]:
    """Returns labels a day, None where there are too few, and the days that this is the mean of."""
    if not by_day:
        return None, 0
    n_days = min(PACE_DAYS, (today - min(by_day)).days + 1)
    n = sum(by_day.get(today - timedelta(days=back), 0) for back in range(n_days))
    return (n / n_days if n >= _NEEDED else None), n_days


def _days(by_day: Mapping[date, int], wanted: int, today: date) -> list[DayLeft]:
    if not by_day:
        return []
    first = max(min(by_day), today - timedelta(days=_MOST_DAYS))
    left = wanted - sum(n for day, n in by_day.items() if day < first)
    days = [DayLeft(first - timedelta(days=1), left, 0)]
    for at in range((today - first).days + 1):
        day = first + timedelta(days=at)
        left -= by_day.get(day, 0)
        days.append(DayLeft(day, left, by_day.get(day, 0)))
    return days
