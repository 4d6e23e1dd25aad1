"""Stores and lists campaigns and the comparisons in them."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from db.labelling.hidden_items import count_wanted
from db.models import (
    Aspect,
    Campaign,
    CampaignItem,
    CampaignRater,
    CampaignState,
    Comparison,
    ItemKind,
    Outcome,
    Round,
    now,
)
from db.storage.bulk import large_cache
from db.storage.dialects import insert
from db.storage.errors import Conflict, Missing

GOLD_OVERLAP = 1
"""Gold and practice comparisons take no slots: every rater answers them."""
_MOST_LISTED = 10
_DIGITS = 18
"""A number with more is no id, and no database takes it for one."""
_CHUNK = 500
_JITTER = 1e-6
"""Makes uncertainties distinct, so that a rater's position in their order is one number."""


@dataclass(frozen=True, slots=True)
class NewItem:
    """Two rounds to be compared in a campaign, with the right answer where it is known."""

    left: int
    right: int
    uncertainty: float = 0.5
    kind: ItemKind = ItemKind.PLAIN
    gold: Outcome | None = None
    """In terms of `left` and `right` as given here."""
    explanation: str | None = None


def create(
    session: Session,
    name: str,
    *,
    aspect: Aspect = Aspect.RESPONSE,
    guidelines: str = "",
    overlap: int = 1,
    budget: int | None = None,
    mix: dict[str, float] | None = None,
    reveal: bool = False,
    n_practice: int = 0,
    settings: dict[str, Any] | None = None,
) -> Campaign:
    """Stores a campaign without comparisons, not yet open. Raises `Conflict` for a name in use."""
    check_name(session, name)
    campaign = Campaign(
        name=name,
        aspect=aspect,
        state=CampaignState.PREPARING,
        guidelines=guidelines,
        overlap=overlap,
        budget=budget,
        mix=mix or {"uniform": 1.0},
        reveal=reveal,
        n_practice=n_practice,
        settings=settings or {},
    )
    session.add(campaign)
    session.flush()
    return campaign


def add_items(
    session: Session, campaign_id: int, items: Sequence[NewItem], *, draw: random.Random
) -> int:
    """Adds comparisons to a campaign; returns how many are new to it.

    A comparison that is in it already changes only if its answer is known now and nobody has
    labelled it.
    """
    campaign = find(session, campaign_id)
    # PostgreSQL refuses one comparison twice in a statement; the last one counts
    items = list({frozenset((item.left, item.right)): item for item in items}.values())
    n_new = 0
    with large_cache(session):
        for start in range(0, len(items), _CHUNK):
            n_new += _add_chunk(session, campaign, items[start : start + _CHUNK], draw)
    count_wanted(session, campaign.id)
    return n_new


def set_uncertainty(session: Session, values: Mapping[int, float], *, draw: random.Random) -> None:
    """Replaces the uncertainty of comparisons, by item id, from 0 to 1.

    The order of comparisons changes with it, so the campaign's raters start again at its top.
    """
    if not values:
        return
    rows = [
        {"id": item_id, "uncertainty": _jittered(value, draw)} for item_id, value in values.items()
    ]
    session.execute(update(CampaignItem), rows)
    touched = select(CampaignItem.campaign_id).where(CampaignItem.id.in_(list(values))).distinct()
    session.execute(
        update(CampaignRater)
        .where(CampaignRater.campaign_id.in_(touched))
        .values(least_uncertain=None)
    )


def check_name(session: Session, name: str, of: int | None = None) -> None:
    """Raises `Conflict` where another campaign than `of` has this name, a deleted one included."""
    found = session.scalars(select(Campaign).where(Campaign.name == name)).one_or_none()
    if found is None or found.id == of:
        return
    if found.state is CampaignState.DELETED:
        raise Conflict(f"A deleted campaign is called {name!r}; restore it, or take another name.")
    raise Conflict(f"There is a campaign {name!r} already; choose another name.")


def has_comparison(session: Session, campaign_id: int, comparison_id: int) -> bool:
    wanted = select(CampaignItem.id).where(
        CampaignItem.campaign_id == campaign_id, CampaignItem.comparison_id == comparison_id
    )
    return session.scalar(wanted) is not None


def set_state(session: Session, campaign_id: int, state: CampaignState) -> None:
    find(session, campaign_id).state = state


def set_guidelines(session: Session, campaign_id: int, guidelines: str) -> None:
    find(session, campaign_id).guidelines = guidelines


def find_given(session: Session, given: str) -> Campaign:
    """Returns the campaign of this name or number.

    Raises `Missing`, which lists some, and `Conflict` where it is one's name and another's number.
    """
    number = int(given) if given.isascii() and given.isdigit() and len(given) < _DIGITS else None
    found = session.scalars(
        select(Campaign)
        .where((Campaign.name == given) | (Campaign.id == number))
        .order_by(Campaign.id)
    ).all()
    if len(found) > 1:
        numbers = " and ".join(str(one.id) for one in found)
        raise Conflict(
            f"{given!r} is the name of one campaign and the number of another ({numbers}). Rename "
            "the one that is called so."
        )
    if found:
        return found[0]
    newest = session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(_MOST_LISTED))
    known = ", ".join(f"{one.id} {one.name}" for one in newest) or "none yet"
    raise Missing(f"There is no campaign {given!r}. There are: {known}.")


def find(session: Session, campaign_id: int) -> Campaign:
    """Returns the campaign of this id. Raises `Missing`."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise Missing(f"There is no campaign {campaign_id}; choose another one.")
    return campaign


def listing(session: Session, *, begun: Collection[int] | None = None) -> list[Campaign]:
    """Campaigns that are not deleted, newest first; with `begun` those and open ones alone."""
    rows = select(Campaign).where(Campaign.state != CampaignState.DELETED)
    if begun is not None:
        rows = rows.where((Campaign.state == CampaignState.OPEN) | Campaign.id.in_(begun))
    return list(session.scalars(rows.order_by(Campaign.id.desc())))


def deleted(session: Session) -> list[Campaign]:
    """Deleted campaigns, newest first."""
    rows = select(Campaign).where(Campaign.state == CampaignState.DELETED)
    return list(session.scalars(rows.order_by(Campaign.id.desc())))


def progress_of(session: Session, rater_id: int) -> dict[int, CampaignRater]:
    """Returns one rater's progress by campaign id."""
    rows = session.scalars(select(CampaignRater).where(CampaignRater.rater_id == rater_id))
    return {row.campaign_id: row for row in rows}


def items(
    session: Session, campaign_id: int, kinds: Sequence[ItemKind], limit: int = 200
) -> list[CampaignItem]:
    """Returns the newest comparisons of these kinds, with their rounds and prompt."""
    comparison = joinedload(CampaignItem.comparison)
    rows = (
        select(CampaignItem)
        .where(CampaignItem.campaign_id == campaign_id, CampaignItem.kind.in_(kinds))
        .order_by(CampaignItem.id.desc())
        .limit(limit)
        .options(
            comparison.joinedload(Comparison.left),
            comparison.joinedload(Comparison.right),
            comparison.joinedload(Comparison.prompt),
        )
    )
    return list(session.scalars(rows))


def _add_chunk(
    session: Session, campaign: Campaign, items: Sequence[NewItem], draw: random.Random
) -> int:
    comparison_ids = _comparisons(session, items, campaign.aspect)
    rows = []
    for item in items:
        low = min(item.left, item.right)
        gold = item.gold
        if low != item.left and gold in (Outcome.LEFT, Outcome.RIGHT):
            gold = Outcome.RIGHT if gold is Outcome.LEFT else Outcome.LEFT
        rows.append(
            {
                "campaign_id": campaign.id,
                "comparison_id": comparison_ids[low, max(item.left, item.right)],
                "kind": item.kind,
                "overlap": campaign.overlap if item.kind is ItemKind.PLAIN else GOLD_OVERLAP,
                "n_taken": 0,
                "draw": draw.random(),
                "uncertainty": _jittered(item.uncertainty, draw),
                "gold_outcome": gold,
                "explanation": item.explanation,
            }
        )
    row = insert(session, CampaignItem)
    known = ("kind", "overlap", "gold_outcome", "explanation")
    stored = row.on_conflict_do_update(
        index_elements=("campaign_id", "comparison_id"),
        set_={name: row.excluded[name] for name in known},
        where=(row.excluded.kind != ItemKind.PLAIN) & (CampaignItem.n_taken == 0),
    )
    # not `values(rows)`: that is compiled anew for every chunk, nine tenths of the time
    done = session.connection().execute(stored.returning(CampaignItem.id), rows)
    return len(done.scalars().all())


def _jittered(value: float, draw: random.Random) -> float:
    """Returns a value made distinct; it stays within 0 and 1, where a judge may put many."""
    return value * (1 - _JITTER) + draw.random() * _JITTER


def _comparisons(
    session: Session, items: Sequence[NewItem], aspect: Aspect
) -> dict[tuple[int, int], int]:
    """Returns ids of the comparisons by their rounds, lower id first; stores those missing."""
    sides = {(min(item.left, item.right), max(item.left, item.right)) for item in items}
    prompts = dict(
        session.execute(
            select(Round.id, Round.prompt_id).where(
                Round.id.in_({round_id for pair in sides for round_id in pair})
            )
        ).all()
    )
    for left, right in sides:
        _check(left, right, prompts)
    rows = [
        {
            "prompt_id": prompts[left],
            "left_round_id": left,
            "right_round_id": right,
            "aspect": aspect,
            "created_at": now(),
        }
        for left, right in sorted(sides)
    ]
    session.connection().execute(insert(session, Comparison).on_conflict_do_nothing(), rows)
    # by the left side alone: its index is not used for a list of pairs
    found = session.execute(
        select(Comparison.left_round_id, Comparison.right_round_id, Comparison.id).where(
            Comparison.left_round_id.in_({left for left, _ in sides}), Comparison.aspect == aspect
        )
    )
    return {(left, right): comparison_id for left, right, comparison_id in found}


def _check(left: int, right: int, prompts: dict[int, int]) -> None:
    if missing := [round_id for round_id in (left, right) if round_id not in prompts]:
        raise Missing(f"There is no round {missing[0]}; choose another one.")
    if left == right or prompts[left] != prompts[right]:
        raise Conflict(
            f"Rounds {left} and {right} cannot be compared: they must be two answers to the same "
            "prompt."
        )
