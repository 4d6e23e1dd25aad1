"""Campaigns: creates them from stored candidates, lists, opens, closes."""

import random
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from db.labelling import assignments, campaigns, work_left
from db.labelling.work_left import LOOKED_THROUGH
from db.models import Aspect, Campaign, CampaignRater, CampaignState
from db.storage.session import Session
from ptrapp.core.errors import InputError, NotFound
from ptrapp.core.people import READS, Person
from ptrapp.rendering import render, visible
from ptrapp.services.context import DataContext
from ptrapp.services.labelling import people
from ptrapp.services.labelling.candidates import MAX_PAIRS, Source, aspect_of, choose

MAX_OVERLAP = 100
MAX_GUIDELINES = 20_000
MAX_NAME = 120
_AT_ONCE = 2_000
"""Comparisons added in one transaction: votes of other campaigns wait for no more than that."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights by which the next comparison of a rater is chosen; only their ratios matter."""

    uncertain: float = 0.5
    uniform: float = 0.5
    overlap: float = 0.0
    """Comparisons that other raters have labelled."""
    gold: float = 0.0
    repeat: float = 0.0
    """Comparisons that the rater has labelled, with the sides swapped."""

    @property
    def total(self) -> float:
        return sum(float(getattr(self, name)) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign to create."""

    name: str
    aspect: str = Aspect.RESPONSE.value
    source: Source = field(default_factory=Source)
    guidelines: str = ""
    overlap: int = 1
    budget: int | None = None
    mix: Mix = field(default_factory=Mix)
    reveal: bool = False
    n_practice: int = 0


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as one person may see it; `counts` of all raters are for those who may read."""

    id: int
    name: str
    aspect: str
    state: str
    guidelines: str
    guidelines_html: str
    reveal: bool
    n_practice: int
    n_done_by_me: int
    n_skipped_by_me: int
    practice_left: int
    n_left_for_me: int
    """So many comparisons are left for this person; of a large campaign at most so many.

    Less those that came on top: what is done and left is the same whatever was answered.
    """
    deadline: str | None
    counts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__ if name != "counts"}
        return values | self.counts


def create(context: DataContext, plan: CampaignPlan) -> int:
    """Creates a campaign and opens it. Returns its id.

    Raises `InputError` for a plan that cannot work or finds nothing, `Conflict` for a name in use.
    A campaign whose filling is interrupted stays in preparation and offers nothing.
    """
    _check(plan)
    aspect = aspect_of(plan.aspect)
    with context.database.read() as session:
        items = choose(session, plan.source, aspect)
    draw = random.Random(plan.source.seed)
    with context.database.write() as session:
        campaign = campaigns.create(
            session,
            " ".join(plan.name.split()),
            aspect=aspect,
            guidelines=plan.guidelines,
            overlap=plan.overlap,
            budget=plan.budget,
            mix={name: getattr(plan.mix, name) for name in Mix.__slots__},
            reveal=plan.reveal,
            n_practice=plan.n_practice,
            settings={"source": {n: getattr(plan.source, n) for n in Source.__slots__}},
        )
        campaign_id = campaign.id
    for start in range(0, len(items), _AT_ONCE):
        with context.database.write() as session:
            campaigns.add_items(session, campaign_id, items[start : start + _AT_ONCE], draw=draw)
    set_state(context, campaign_id, CampaignState.OPEN.value)
    return campaign_id


def set_state(context: DataContext, campaign_id: int, state: str) -> None:
    """Opens, pauses, closes or deletes a campaign.

    One that is not open offers nothing, but accepts votes on offers made. A deleted one is shown
    nowhere; its votes stay and count, and another state brings it back.
    """
    allowed = [one.value for one in CampaignState if one is not CampaignState.PREPARING]
    if state not in allowed:
        raise InputError(f"A campaign cannot be {state!r}; say one of {', '.join(allowed)}.")
    with context.database.write() as session:
        campaigns.set_state(session, campaign_id, CampaignState(state))


def set_guidelines(context: DataContext, campaign_id: int, guidelines: str) -> None:
    if len(guidelines) > MAX_GUIDELINES:
        raise InputError(f"Shorten them: {_too_long(guidelines)}.")
    with context.database.write() as session:
        campaigns.set_guidelines(session, campaign_id, guidelines)


def guidelines_html(guidelines: str) -> str:
    """Returns guidelines as HTML that is safe to show."""
    return render(visible(guidelines))


def listing(context: DataContext, person: Person) -> list[CampaignView]:
    """Returns campaigns, newest first; to who may not read all those that are open or that she has
    begun, so that she is told what has become of them."""
    with context.database.read() as session:
        rater = people.find_row(session, person)
        mine = campaigns.progress_of(session, rater.id) if rater else {}
        rows = campaigns.listing(session, begun=None if person.role in READS else mine)
        held = work_left.reserved(session, rater.id) if rater else {}
        exact = {row.id for row in rows if _is_open(row) and _n_wanted(row) <= LOOKED_THROUGH}
        large = [row.id for row in rows if _is_open(row) and row.id not in exact]
        away = work_left.voted_elsewhere(session, rater.id, large) if rater else {}
        over = work_left.over(session, rater.id) if rater else {}
        found = []
        for row in rows:
            n_reserved = held.get(row.id, 0)
            n_over, n_more = over.get(row.id, (0, 0))
            if row.id in exact:
                n_can = work_left.not_given(session, row.id, rater.id if rater else None)
            else:
                n_can = row.n_items - n_over - away.get(row.id, 0) - n_reserved
            n_left = max(0, min(n_can, _n_wanted(row)) + n_reserved)
            # Gold and pairs given again take nothing from what is left. To tell so would tell which
            # they were: what is done and left would be one more after each.
            n_left = max(min(n_left, 1), n_left - n_more)
            found.append(_view(session, row, mine.get(row.id), n_left, person))
        return found


def deleted(context: DataContext) -> list[Campaign]:
    """Returns deleted campaigns, newest first, which another state brings back."""
    with context.database.read() as session:
        return campaigns.deleted(session)


def view(context: DataContext, person: Person, campaign_id: int) -> CampaignView:
    """Returns one campaign. Raises `NotFound`, also for one that this person may not see."""
    found = {row.id: row for row in listing(context, person)}
    if campaign_id not in found:
        raise NotFound(f"There is no campaign {campaign_id} for you; choose another one.")
    return found[campaign_id]


def find_id(context: DataContext, given: str) -> int:
    """Returns the id of the campaign of this name or number. Raises `Missing`, `Conflict`."""
    with context.database.read() as session:
        return campaigns.find_given(session, given).id


def _view(
    session: Session,
    row: Campaign,
    mine: CampaignRater | None,
    n_left: int,
    person: Person,
) -> CampaignView:
    rater_id, practised = (mine.rater_id, mine.n_practised) if mine else (None, 0)
    counts: dict[str, Any] = {}
    if person.role in READS:
        names = ("overlap", "budget", "mix", "n_items", "n_slots", "n_taken", "n_done")
        counts = {name: getattr(row, name) for name in names}
    return CampaignView(
        id=row.id,
        name=row.name,
        aspect=row.aspect.value,
        state=row.state.value,
        guidelines=row.guidelines,
        guidelines_html=guidelines_html(row.guidelines),
        reveal=row.reveal,
        n_practice=row.n_practice,
        n_done_by_me=mine.n_done if mine else 0,
        n_skipped_by_me=mine.n_skipped if mine else 0,
        practice_left=assignments.practice_left(
            session, row.id, rater_id, row.n_practice, practised
        ),
        n_left_for_me=n_left,
        deadline=row.deadline.isoformat() if row.deadline else None,
        counts=counts,
    )


def _is_open(row: Campaign) -> bool:
    return row.state is CampaignState.OPEN


def _n_wanted(row: Campaign) -> int:
    """Returns how many labels a campaign wants that nobody has given or reserved."""
    slots = row.n_slots if row.budget is None else min(row.n_slots, row.budget)
    return max(0, slots - row.n_taken)


def rules_of_name(name: str) -> dict[str, bool]:
    """Returns the rules of a campaign's name, and which of them a name keeps."""
    n_chars = len(" ".join(name.split()))
    return {
        f"the name has 1 to {MAX_NAME} characters": 1 <= n_chars <= MAX_NAME,
        "the name has no characters that hide or turn text": visible(name) == name,
    }


def _check(plan: CampaignPlan) -> None:
    """Raises `InputError` that names everything that cannot work."""
    mix = [float(getattr(plan.mix, name)) for name in Mix.__slots__]
    rules = {
        **rules_of_name(plan.name),
        f"the overlap is 1 to {MAX_OVERLAP}": 1 <= plan.overlap <= MAX_OVERLAP,
        "a budget is at least 1": plan.budget is None or plan.budget >= 1,
        "the weights of the mix are 0 or more, and not all 0": min(mix) >= 0 and any(mix),
        "the weights of the mix have a finite sum": isfinite(plan.mix.total),
        "practice is 0 to 100 comparisons": 0 <= plan.n_practice <= 100,
        f"pairs are 1 to {MAX_PAIRS}": 1 <= plan.source.max_pairs <= MAX_PAIRS,
        _too_long(plan.guidelines): len(plan.guidelines) <= MAX_GUIDELINES,
    }
    if wrong := [rule for rule, holds in rules.items() if not holds]:
        raise InputError(f"This campaign cannot be made: {'; '.join(wrong)}.")


def _too_long(guidelines: str) -> str:
    return f"guidelines have at most {MAX_GUIDELINES} characters (these {len(guidelines)})"
